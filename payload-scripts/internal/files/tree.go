package files

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sort"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// maxTreeDepth bounds how deep folders of a state path may nest: each level
// holds a few files open.
const maxTreeDepth = 200

// entry is one file of a state path, a line of its index.
type entry struct {
	Path   name              `json:"path"` // below the state path; "." is that itself
	Mode   uint32            `json:"mode"` // kind and permissions, as stat(2) has them
	UID    int               `json:"uid"`
	GID    int               `json:"gid"`
	Size   int64             `json:"size,omitempty"` // of a regular file
	MTime  int64             `json:"mtime"`          // nanoseconds since 1970
	Rdev   uint64            `json:"rdev,omitempty"` // of a device
	Link   name              `json:"link,omitempty"` // of a symbolic link
	Xattrs map[string][]byte `json:"xattrs,omitempty"`
	SHA256 string            `json:"sha256,omitempty"` // of a regular file

	// What tells that nobody touched the file on the host since it was saved.
	Dev   uint64 `json:"dev,omitempty"` // with Ino it tells which files are hard links of one another
	Ino   uint64 `json:"ino"`
	CTime int64  `json:"ctime"`
	Racy  bool   `json:"racy,omitempty"` // it had been changed so shortly before that this proves nothing
}

// name is a path or link in JSON: bytes that are no UTF-8 are written %XX.
type name string

// MarshalText escapes what JSON would lose.
func (n name) MarshalText() ([]byte, error) {
	var b strings.Builder
	for i := 0; i < len(n); {
		r, size := utf8.DecodeRuneInString(string(n[i:]))
		if r == '%' || r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, "%%%02X", n[i])
		} else {
			b.WriteString(string(n[i : i+size]))
		}
		i += size
	}
	return []byte(b.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (n *name) UnmarshalText(data []byte) error {
	var out []byte
	for i := 0; i < len(data); i++ {
		if data[i] != '%' {
			out = append(out, data[i])
			continue
		}
		var c [1]byte
		if i+2 >= len(data) {
			return fmt.Errorf("%q is cut off", data)
		}
		if _, err := hex.Decode(c[:], data[i+1:i+3]); err != nil {
			return err
		}
		out = append(out, c[0])
		i += 2
	}
	*n = name(out)
	return nil
}

func (e *entry) kind() uint32 { return e.Mode & unix.S_IFMT }

func (e *entry) isFile() bool { return e.kind() == unix.S_IFREG }

// describe returns an inode's entry, without its content's digest.
func describe(n *host.Inode, rel string) (*entry, error) {
	st := n.Stat
	e := &entry{
		Path: name(rel), Mode: st.Mode, UID: int(st.Uid), GID: int(st.Gid),
		MTime: nanoseconds(st.Mtim), Dev: st.Dev, Ino: st.Ino, CTime: nanoseconds(st.Ctim),
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
	e.Xattrs, err = n.Xattrs()
	return e, err
}

// untouched tells whether an inode is still the very one that was saved as e: any
// write and any change of attributes gives it another ctime.
func (e *entry) untouched(st *unix.Stat_t) bool {
	return e != nil && !e.Racy && e.Mode == st.Mode && e.Ino == st.Ino && e.CTime == nanoseconds(st.Ctim) &&
		e.MTime == nanoseconds(st.Mtim) && (!e.isFile() || e.Size == st.Size)
}

// sameAttrs compares everything but content and identity.
func (e *entry) sameAttrs(o *entry) bool {
	return e.Mode == o.Mode && e.UID == o.UID && e.GID == o.GID && e.MTime == o.MTime && sameXattrs(e.Xattrs, o.Xattrs)
}

func (e *entry) attr() host.Attr {
	return host.Attr{Mode: host.GoMode(e.Mode & 0o7777), UID: e.UID, GID: e.GID}
}

// statAt looks at a name in a folder without following a link; false when there is none.
func statAt(dir int, name string) (unix.Stat_t, bool, error) {
	var st unix.Stat_t
	err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return st, false, nil
	}
	if err != nil {
		return st, false, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	return st, true, nil
}

// openDir opens a folder below another without following a link.
func openDir(dir int, name string) (*os.File, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// openParent opens the folder above a path in which no part is a link.
func openParent(real string) (*os.File, error) {
	dir, err := os.Open("/")
	if err != nil {
		return nil, err
	}
	for _, part := range strings.Split(strings.Trim(path.Dir(real), "/"), "/") {
		if part == "" {
			continue
		}
		next, err := openDir(int(dir.Fd()), part)
		_ = dir.Close()
		if err != nil {
			return nil, fmt.Errorf("open the folder of %s: %w", real, err)
		}
		dir = next
	}
	return dir, nil
}

// names lists a folder, sorted.
func names(dir *os.File) ([]string, error) {
	if _, err := dir.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	list, err := dir.Readdirnames(-1)
	sort.Strings(list)
	return list, err
}

// removeTree removes a file or folder, whatever is in it; none is no error.
func removeTree(dir int, name string, depth int) error {
	err := unix.Unlinkat(dir, name, 0)
	switch {
	case err == nil || errors.Is(err, unix.ENOENT):
		return nil
	case !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM):
		return &os.PathError{Op: "remove", Path: name, Err: err}
	case depth > 10*maxTreeDepth:
		return fmt.Errorf("remove %s: folders nest deeper than %d", name, 10*maxTreeDepth)
	}
	below, openErr := openDir(dir, name)
	if openErr != nil {
		return &os.PathError{Op: "remove", Path: name, Err: err}
	}
	list, listErr := names(below)
	for _, child := range list {
		if err := removeTree(int(below.Fd()), child, depth+1); err != nil {
			_ = below.Close()
			return err
		}
	}
	_ = below.Close()
	if listErr != nil {
		return listErr
	}
	if err := unix.Unlinkat(dir, name, unix.AT_REMOVEDIR); err != nil && !errors.Is(err, unix.ENOENT) {
		return &os.PathError{Op: "remove", Path: name, Err: err}
	}
	return nil
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

// readTree reads an index.
func readTree(file string) (map[string]*entry, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	out := map[string]*entry{}
	for dec := json.NewDecoder(bufio.NewReaderSize(f, 1<<16)); ; {
		var e entry
		err := dec.Decode(&e)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		out[string(e.Path)] = &e
	}
}

// writeTree writes an index durably, sorted by path.
func writeTree(file string, tree map[string]*entry) error {
	paths := make([]string, 0, len(tree))
	for p := range tree {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	tmp, err := os.OpenFile(file+"~", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(tmp, 1<<16)
	enc := json.NewEncoder(w)
	for _, p := range paths {
		if err = enc.Encode(tree[p]); err != nil {
			break
		}
	}
	host.Point("fsync", file)
	err = errors.Join(err, w.Flush(), tmp.Sync(), tmp.Close())
	if err == nil {
		host.Point("rename", file)
		err = os.Rename(file+"~", file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return host.SyncDir(path.Dir(file))
}
