package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"io"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// maxDepth bounds how deep folders of a tree may nest: each level holds a few
// files open.
const maxDepth = 200

// entry is one file of a tree, a line of its index.
type entry struct {
	Path   name              `json:"path"` // below the tree; "." is that itself
	Mode   uint32            `json:"mode"` // kind and permissions, as stat(2) has them
	UID    int               `json:"uid"`
	GID    int               `json:"gid"`
	Size   int64             `json:"size,omitempty"` // of a regular file
	MTime  int64             `json:"mtime"`          // nanoseconds since 1970
	Rdev   uint64            `json:"rdev,omitempty"` // of a device
	Link   name              `json:"link,omitempty"` // of a symbolic link
	Xattrs map[string][]byte `json:"xattrs,omitempty"`
	Flags  uint32            `json:"flags,omitempty"`  // that chattr sets
	SHA256 string            `json:"sha256,omitempty"` // of a regular file

	// What says that nobody touched the file on the host since it was saved.
	Dev   uint64 `json:"dev,omitempty"` // with Ino it tells which files are hard links of one another
	Ino   uint64 `json:"ino"`
	CTime int64  `json:"ctime"`
	Racy  bool   `json:"racy,omitempty"` // it had been changed so shortly before that this proves nothing
}

type name = host.Name

func (e *entry) kind() uint32 { return e.Mode & unix.S_IFMT }

func (e *entry) isFile() bool { return e.kind() == unix.S_IFREG }

func (e *entry) isFolder() bool { return e.kind() == unix.S_IFDIR }

// describe returns an inode's entry, without its content's digest.
func describe(n *host.Inode, rel string) (*entry, error) {
	st := n.Stat
	e := &entry{
		Path: name(rel), Mode: st.Mode, UID: int(st.Uid), GID: int(st.Gid),
		MTime: st.Mtim.Nano(), Dev: st.Dev, Ino: st.Ino, CTime: st.Ctim.Nano(),
	}
	var err error
	switch e.kind() {
	case unix.S_IFREG:
		e.Size = st.Size
	case unix.S_IFLNK:
		var link string
		link, err = n.Link()
		e.Link = name(link)
	case unix.S_IFCHR, unix.S_IFBLK:
		e.Rdev = st.Rdev
	}
	if err != nil {
		return nil, err
	}
	if e.Xattrs, err = n.Xattrs(); err != nil {
		return nil, err
	}
	e.Flags, err = n.Flags()
	return e, err
}

// untouched reports whether an inode is still the very one that was saved as e: any
// write and any change of attributes gives it another ctime.
func (e *entry) untouched(st *unix.Stat_t) bool {
	return e != nil && !e.Racy && e.Mode == st.Mode && e.Ino == st.Ino && e.CTime == st.Ctim.Nano() &&
		e.MTime == st.Mtim.Nano() && (!e.isFile() || e.Size == st.Size)
}

// sameFolder reports whether st is of a folder with the attributes of e, as far as stat(2) has them.
func (e *entry) sameFolder(st *unix.Stat_t) bool {
	return e.Mode == st.Mode && e.UID == int(st.Uid) && e.GID == int(st.Gid) && e.MTime == st.Mtim.Nano()
}

// isLike reports whether two entries are of the same kind: of links and devices,
// that they lead to the same.
func (e *entry) isLike(o *entry) bool {
	return e.kind() == o.kind() && e.Link == o.Link && e.Rdev == o.Rdev
}

// sameAttrs compares everything but content, flags and identity.
func (e *entry) sameAttrs(o *entry) bool {
	return e.Mode == o.Mode && e.UID == o.UID && e.GID == o.GID && e.MTime == o.MTime && host.SameXattrs(e.Xattrs, o.Xattrs)
}

func (e *entry) attr() host.Attr {
	return host.Attr{Mode: host.GoMode(e.Mode & 0o7777), UID: e.UID, GID: e.GID}
}

// digestOf reads a file's content once.
func digestOf(n *host.Inode) (string, error) {
	f, err := n.Open()
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // read only
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
