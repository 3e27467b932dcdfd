package pkgfile

import (
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// Comparer compares files; what it has read once of a file with several names it does not
// read again. It may be used by several goroutines.
type Comparer struct {
	Root string // the host's files are below it

	mu   sync.Mutex
	read map[inode]string // digests of files with hard links
}

// Empty is what Compare says of a regular file that is empty and should not be.
const Empty = "it has 0 bytes"

// inode is a file as it was when it was read.
type inode struct {
	dev, ino uint64
	ctime    int64
	algo     crypto.Hash
}

// Compare compares a file with what is wanted and says what is different, "" when nothing
// is, and whether that is only its mode, owner or extended attributes.
func (c *Comparer) Compare(w Want) (got string, attr bool, err error) {
	at := clean(c.Root, w.Path)
	n, err := open(at)
	if link := (*host.LinkError)(nil); errors.As(err, &link) {
		return link.Error(), false, nil
	}
	if err != nil {
		return "", false, err
	}
	if n == nil {
		if w.Optional || w.Absent {
			return "", false, nil
		}
		return "it is missing", false, nil
	}
	defer n.Close()
	if w.Mode.IsDir() && isLink(n) && !w.Absent {
		return w.compareBehind(at)
	}
	return c.inode(w, n)
}

// compareBehind compares the folder that a link at its place leads to.
func (w Want) compareBehind(at string) (got string, attr bool, err error) {
	f, err := openFolder(at)
	if link := (*host.LinkError)(nil); errors.As(err, &link) {
		return link.Error(), false, nil
	}
	if err != nil {
		return "", false, err
	}
	if f == nil {
		return "it is a link that leads to no folder", false, nil
	}
	defer f.Close()
	got, err = w.compareAttr(f.Inode)
	return got, true, err
}

func (c *Comparer) inode(w Want, n *host.Inode) (got string, attr bool, err error) {
	mode := GoMode(n.Stat.Mode)
	if w.Absent || mode.Type() != w.Mode.Type() {
		return "it is " + mode.String(), false, nil
	}
	if !w.IgnoreContent {
		switch {
		case isLink(n):
			got, err = w.compareLink(n)
		case w.Mode.IsRegular():
			got, err = c.compareContent(w, n)
		}
		if got != "" || err != nil {
			return got, false, err
		}
	}
	got, err = w.compareAttr(n)
	return got, true, err
}

func (w Want) compareLink(n *host.Inode) (string, error) {
	target, err := n.Link()
	if err != nil || target == w.Link {
		return "", err
	}
	return "it is a link to " + target, nil
}

func (c *Comparer) compareContent(w Want, n *host.Inode) (string, error) {
	if n.Stat.Size != w.Size {
		if n.Stat.Size == 0 {
			return Empty, nil
		}
		return fmt.Sprintf("it has %d bytes", n.Stat.Size), nil
	}
	sum, err := c.digest(n, w.Algo)
	if err != nil || strings.EqualFold(sum, w.Digest) {
		return "", err
	}
	return fmt.Sprintf("its %s is %s", w.Algo, short(sum)), nil
}

// Extra returns the extended attributes that a file has and its package does not give it,
// capabilities and ACLs for the most part. A link has none.
func (c *Comparer) Extra(w Want) ([]string, error) {
	n, err := open(clean(c.Root, w.Path))
	if err != nil || n == nil {
		return nil, err
	}
	defer n.Close()
	if isLink(n) {
		return nil, nil
	}
	xattrs, err := n.Xattrs()
	if err != nil {
		return nil, err
	}
	xattrs = withoutLabels(xattrs)
	if w.Caps {
		delete(xattrs, "security.capability")
	}
	return slices.Sorted(maps.Keys(xattrs)), nil
}

// compareAttr compares mode, owner and extended attributes; a link has no mode.
func (w Want) compareAttr(n *host.Inode) (string, error) {
	mode := GoMode(n.Stat.Mode)
	owned := int(n.Stat.Uid) == w.UID && int(n.Stat.Gid) == w.GID
	if !w.IgnoreAttr && (!owned || !isLink(n) && mode != w.Mode) {
		return fmt.Sprintf("it is %s %d:%d", mode, n.Stat.Uid, n.Stat.Gid), nil
	}
	if w.Xattrs == nil {
		return "", nil
	}
	xattrs, err := n.Xattrs()
	if err != nil {
		return "", err
	}
	if xattrs = withoutLabels(xattrs); host.SameXattrs(xattrs, w.Xattrs) {
		return "", nil
	}
	if len(xattrs) == 0 {
		return "it has no extended attributes", nil
	}
	return "it has " + names(xattrs), nil
}

// digest reads a file and returns the hex digest of its content.
func (c *Comparer) digest(n *host.Inode, algo crypto.Hash) (string, error) {
	id := inode{n.Stat.Dev, n.Stat.Ino, n.Stat.Ctim.Nano(), algo}
	shared := n.Stat.Nlink > 1
	if shared {
		c.mu.Lock()
		sum, known := c.read[id]
		c.mu.Unlock()
		if known {
			return sum, nil
		}
	}
	f, err := n.Open()
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // read only
	sum, err := Digest(f, algo)
	if err == nil && shared {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.read == nil {
			c.read = map[inode]string{}
		}
		c.read[id] = sum
	}
	return sum, err
}

// Digest returns the hex digest of all that r gives.
func Digest(r io.Reader, algo crypto.Hash) (string, error) {
	if !algo.Available() {
		return "", errors.New("the digest's algorithm is not known")
	}
	sum := algo.New()
	if _, err := io.Copy(sum, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// GoMode turns an st_mode into Go's form: type, permission, setuid, setgid and sticky bits.
func GoMode(stat uint32) fs.FileMode {
	mode := host.GoMode(stat)
	switch stat & unix.S_IFMT {
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFBLK:
		mode |= fs.ModeDevice
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	}
	return mode
}
