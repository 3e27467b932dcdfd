package host

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Inode is a file of any kind that is held open by itself (O_PATH): what is done
// to it cannot be led elsewhere by a link that somebody puts in its place.
type Inode struct {
	fd   int
	name string
	Stat unix.Stat_t // as it was when the inode was opened
}

// OpenInode opens name in the folder dir without following it if it is a link;
// the error is os.ErrNotExist when there is none.
func OpenInode(dir int, name string) (*Inode, error) {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	n := &Inode{fd: fd, name: name}
	if err := unix.Fstat(fd, &n.Stat); err != nil {
		_ = unix.Close(fd)
		return nil, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	return n, nil
}

// InodeOf returns the inode of an open file; closing the file closes it.
func InodeOf(f *os.File) (*Inode, error) {
	n := &Inode{fd: int(f.Fd()), name: f.Name()}
	if err := unix.Fstat(n.fd, &n.Stat); err != nil {
		return nil, &os.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return n, nil
}

// Close lets the inode go.
func (n *Inode) Close() { _ = unix.Close(n.fd) }

func (n *Inode) path() string { return "/proc/self/fd/" + strconv.Itoa(n.fd) }

// Link returns where a symbolic link points.
func (n *Inode) Link() (string, error) {
	buf := make([]byte, unix.PathMax)
	size, err := unix.Readlinkat(n.fd, "", buf)
	if err != nil {
		return "", fmt.Errorf("read the link %s: %w", n.name, err)
	}
	return string(buf[:size]), nil
}

// Open opens a regular file or a folder for reading.
func (n *Inode) Open() (*os.File, error) {
	if kind := n.Stat.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return nil, fmt.Errorf("open %s: neither a file nor a folder", n.name)
	}
	return os.Open(n.path())
}

// Read reads a regular file of at most limit bytes; of an empty one it returns
// empty, not nil.
func (n *Inode) Read(limit int64) ([]byte, error) {
	f, err := n.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read %s: it has more than %d bytes", n.name, limit)
	}
	return data, nil
}

// SetAttr gives the inode mode, owner, extended attributes and modification time,
// in the order in which none undoes another: a new owner takes capabilities away, and
// an ACL brings a mode of its own. A link has no mode.
func (n *Inode) SetAttr(a Attr, xattrs map[string][]byte, mtime unix.Timespec) error {
	if err := n.Chown(a.UID, a.GID); err != nil {
		return err
	}
	if err := n.SetXattrs(xattrs); err != nil {
		return err
	}
	if n.Stat.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Chmod(n.path(), UnixMode(a.Mode)); err != nil {
			return fmt.Errorf("set the mode of %s: %w", n.name, err)
		}
	}
	return n.SetTime(mtime)
}

// Chown gives the inode an owner and nothing else. A program loses setuid, setgid and capabilities by it.
func (n *Inode) Chown(uid, gid int) error {
	if err := unix.Fchownat(n.fd, "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
		return fmt.Errorf("set the owner of %s: %w", n.name, err)
	}
	return nil
}

// SetTime gives the inode a modification time.
func (n *Inode) SetTime(mtime unix.Timespec) error {
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, mtime}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, n.path(), times, 0); err != nil {
		return fmt.Errorf("set the time of %s: %w", n.name, err)
	}
	return nil
}

// Xattrs returns all extended attributes, nil when there are none.
func (n *Inode) Xattrs() (map[string][]byte, error) {
	list, err := grow(func(buf []byte) (int, error) { return unix.Listxattr(n.path(), buf) })
	if errors.Is(err, unix.ENOTSUP) || len(list) == 0 && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the extended attributes of %s: %w", n.name, err)
	}
	out := map[string][]byte{}
	for _, key := range strings.Split(strings.TrimRight(string(list), "\x00"), "\x00") {
		value, err := grow(func(buf []byte) (int, error) { return unix.Getxattr(n.path(), key, buf) })
		if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read attribute %s of %s: %w", key, n.name, err)
		}
		out[key] = value
	}
	return out, nil
}

// grow calls read with a buffer that is large enough and returns what it filled.
// Most inodes have no more than a label, so it starts small.
func grow(read func([]byte) (int, error)) ([]byte, error) {
	var small [256]byte
	size, err := read(small[:])
	if err == nil {
		return bytes.Clone(small[:size]), nil
	}
	if !errors.Is(err, unix.ERANGE) {
		return nil, err
	}
	buf := make([]byte, 64<<10) // the kernel's limit for both
	size, err = read(buf)
	if err != nil {
		return nil, err
	}
	return buf[:size:size], nil
}

// selinuxLabel is the attribute that the kernel lets nobody remove.
const selinuxLabel = "security.selinux"

// SetXattrs makes want the inode's extended attributes: others are removed, but
// an SELinux label stays when there is none in want.
func (n *Inode) SetXattrs(want map[string][]byte) error {
	have, err := n.Xattrs()
	if err != nil {
		return err
	}
	keys := make([]string, 0, len(want))
	for key := range want {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		if v, ok := have[key]; ok && bytes.Equal(v, want[key]) {
			continue
		}
		if err := unix.Setxattr(n.path(), key, want[key], 0); err != nil && !errors.Is(err, unix.ENOTSUP) {
			return fmt.Errorf("set attribute %s of %s: %w", key, n.name, err)
		}
	}
	for key := range have {
		if _, ok := want[key]; ok || key == selinuxLabel {
			continue
		}
		if err := unix.Removexattr(n.path(), key); err != nil && !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.ENOTSUP) {
			return fmt.Errorf("remove attribute %s of %s: %w", key, n.name, err)
		}
	}
	return nil
}

// UnixMode returns a mode's permission bits with setuid, setgid and sticky as the kernel has them.
func UnixMode(m os.FileMode) uint32 {
	out := uint32(m.Perm())
	for bit, unixBit := range map[os.FileMode]uint32{os.ModeSetuid: unix.S_ISUID, os.ModeSetgid: unix.S_ISGID, os.ModeSticky: unix.S_ISVTX} {
		if m&bit != 0 {
			out |= unixBit
		}
	}
	return out
}

// GoMode is the opposite of UnixMode.
func GoMode(m uint32) os.FileMode {
	out := os.FileMode(m & 0o777)
	for bit, unixBit := range map[os.FileMode]uint32{os.ModeSetuid: unix.S_ISUID, os.ModeSetgid: unix.S_ISGID, os.ModeSticky: unix.S_ISVTX} {
		if m&unixBit != 0 {
			out |= bit
		}
	}
	return out
}

// CopyData fills the new file dst with src's content, by reflink where the file
// system can, otherwise with src's holes kept.
func CopyData(dst, src *os.File) error {
	if unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())) == nil {
		return nil
	}
	end, err := src.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	for pos := int64(0); pos < end; {
		data, err := unix.Seek(int(src.Fd()), pos, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) { // only a hole is left
			break
		}
		hole := end
		if err != nil { // the file system does not tell
			data = pos
		} else if hole, err = unix.Seek(int(src.Fd()), data, unix.SEEK_HOLE); err != nil {
			return err
		}
		if _, err := dst.Seek(data, io.SeekStart); err != nil {
			return err
		}
		if _, err := src.Seek(data, io.SeekStart); err != nil {
			return err
		}
		n, err := io.CopyN(dst, src, hole-data)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n == 0 { // it became shorter meanwhile
			break
		}
		pos = data + n
	}
	info, err := src.Stat()
	if err != nil {
		return err
	}
	return dst.Truncate(info.Size())
}

// SameXattrs compares two sets of extended attributes.
func SameXattrs(a, b map[string][]byte) bool { return maps.EqualFunc(a, b, bytes.Equal) }
