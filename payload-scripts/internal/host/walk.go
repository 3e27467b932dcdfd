package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks bounds how many symbolic links one path may lead over, as the kernel does.
const maxLinks = 40

// Link is a symbolic link that a path leads over: an admin moved something to
// another disk.
type Link struct {
	Path  Name  `json:"path"`
	To    Name  `json:"to"`
	GID   int   `json:"gid,omitempty"`
	MTime int64 `json:"mtime,omitempty"` // nanoseconds since 1970
}

// LinkError is a symbolic link that is not followed, because it, or a folder
// that it lies in, is not root's alone: its maker would choose what root writes to.
type LinkError struct {
	Path   string
	Folder string // the folder on the way that others may change; "" when the link itself is another's
}

func (e *LinkError) Error() string {
	if e.Folder != "" {
		return e.Path + " is a symbolic link and others than root may change " + e.Folder + ", so it is not followed"
	}
	return e.Path + " is a symbolic link that does not belong to root, so it is not followed"
}

// Remedy says what to do about a link that is not followed.
func (e *LinkError) Remedy() string {
	if e.Folder != "" {
		return "look who made the link and where it leads; then let root alone change " + e.Folder + " (owner root, no write permission for others), or put what the link leads to in its place (a bind mount does too)"
	}
	return "look who made the link and where it leads; then give it to root (chown -h root " + e.Path + "), or put what it leads to in its place"
}

// Resolve returns a path of the host without links, and the links it led over.
// The path and absolute links begin at root. Links are followed only where no
// one but root can have put them; any other is a *LinkError. What does not exist
// ends the search: the rest of the path is returned as it is.
func Resolve(root, path string) (real string, links []Link, err error) {
	w, err := newWalk(root)
	if err != nil {
		return "", nil, err
	}
	defer w.close()
	rest, err := w.to(path, true)
	if err != nil && !missing(err) {
		return "", nil, err
	}
	names := []string{"/"} // no ".." of the rest leads out of the root
	for _, f := range w.at[1:] {
		names = append(names, f.name)
	}
	return filepath.Join(w.at[0].name, filepath.Join(append(names, rest)...)), w.links, nil
}

// OpenParent opens the folder that path lies in, and returns it with the path's
// last part. Links on the way are followed as by [Resolve]; the last part is not
// looked at.
func OpenParent(path string) (dir *os.File, base string, err error) {
	w, err := newWalk("/")
	if err != nil {
		return nil, "", err
	}
	defer w.close()
	if base, err = w.to(path, false); err != nil {
		return nil, "", err
	}
	if base == "" {
		return nil, "", &os.PathError{Op: "open the folder of", Path: path, Err: unix.EINVAL}
	}
	dir, err = w.open()
	return dir, base, err
}

// OpenDir opens a folder for reading. Links are followed as by [Resolve].
func OpenDir(path string) (*os.File, error) {
	w, err := newWalk("/")
	if err != nil {
		return nil, err
	}
	defer w.close()
	base, err := w.to(path, true)
	if err == nil && base != "" {
		err = &os.PathError{Op: "open", Path: path, Err: unix.ENOTDIR}
	}
	if err != nil {
		return nil, err
	}
	return w.open()
}

// OpenPath opens the inode at path, which may be a link: that is not followed.
func OpenPath(path string) (*Inode, error) {
	dir, base, err := OpenParent(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close() //nolint:errcheck // read only
	return OpenInode(int(dir.Fd()), base)
}

// missing reports whether a path ended before its last part.
func missing(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR)
}

// walk goes down a path from folder to open folder: whoever swaps a part of the
// path for a link meanwhile changes nothing.
type walk struct {
	at    []folder // the open folders, from the root to where the walk is
	links []Link
}

type folder struct {
	fd      int // O_PATH
	name    string
	foreign string // the first folder on the way whose names others than root may change; "" for none
}

func newWalk(root string) (*walk, error) {
	if root == "" {
		root = "/"
	}
	fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: root, Err: err}
	}
	w := &walk{}
	if err := w.push(fd, root); err != nil {
		return nil, err
	}
	return w, nil
}

// to goes to path, over a link in its last part only when follow is set. It
// returns what is left of the path: nothing when it is a folder, its last part
// when that is no folder or not looked at. The error tells when a folder is missing
// before; the walk stands at the last that is there, and all that is missing is returned.
func (w *walk) to(path string, follow bool) (rest string, err error) {
	todo := parts(path)
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		if part == ".." {
			w.pop()
			continue
		}
		if len(todo) == 0 && !follow {
			return part, nil
		}
		fd, err := unix.Openat(w.top().fd, part, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err == nil {
			if err := w.push(fd, part); err != nil {
				return "", err
			}
			continue
		}
		here := filepath.Join(w.path(), part)
		rest := filepath.Join(append([]string{part}, todo...)...)
		if !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.ELOOP) {
			return rest, &os.PathError{Op: "open", Path: here, Err: err}
		}
		link, isLink, err := w.link(part)
		switch {
		case err != nil:
			return rest, err
		case isLink && len(w.links) == maxLinks:
			return "", fmt.Errorf("%s leads over more than %d links", path, maxLinks)
		case isLink:
			link.Path = Name(here)
			w.links = append(w.links, link)
			todo = append(parts(string(link.To)), todo...)
			if filepath.IsAbs(string(link.To)) {
				w.back(1)
			}
		case len(todo) == 0:
			return part, nil
		default:
			return rest, &os.PathError{Op: "open", Path: here, Err: unix.ENOTDIR}
		}
	}
	return "", nil
}

// link reads a link in the folder where the walk is, if it is one and may be followed.
func (w *walk) link(name string) (l Link, is bool, err error) {
	n, err := OpenInode(w.top().fd, name)
	if err != nil {
		return l, false, err
	}
	defer n.Close()
	if n.Stat.Mode&unix.S_IFMT != unix.S_IFLNK {
		return l, false, nil
	}
	path := filepath.Join(w.path(), name)
	if n.Stat.Uid != 0 {
		return l, false, &LinkError{Path: path}
	}
	if foreign := w.top().foreign; foreign != "" {
		return l, false, &LinkError{Path: path, Folder: foreign}
	}
	to, err := n.Link()
	return Link{To: Name(to), GID: int(n.Stat.Gid), MTime: n.Stat.Mtim.Nano()}, err == nil, err
}

// push goes into an open folder.
func (w *walk) push(fd int, name string) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		_ = unix.Close(fd)
		return &os.PathError{Op: "stat", Path: filepath.Join(w.path(), name), Err: err}
	}
	f := folder{fd: fd, name: name}
	if len(w.at) > 0 {
		f.foreign = w.top().foreign
	}
	w.at = append(w.at, f)
	if f.foreign == "" && !rootsAlone(&st) {
		w.at[len(w.at)-1].foreign = w.path()
	}
	return nil
}

// rootsAlone reports whether nobody but root can rename or replace what of root's
// lies in a folder. In a folder with the sticky bit only owners can.
func rootsAlone(st *unix.Stat_t) bool {
	if st.Uid != 0 {
		return false
	}
	if st.Mode&unix.S_ISVTX != 0 {
		return true
	}
	return st.Mode&unix.S_IWOTH == 0 && (st.Mode&unix.S_IWGRP == 0 || st.Gid == 0)
}

func (w *walk) top() folder { return w.at[len(w.at)-1] }

// path is where the walk is.
func (w *walk) path() string {
	names := make([]string, len(w.at))
	for i, f := range w.at {
		names[i] = f.name
	}
	return filepath.Join(names...)
}

// pop goes up; above the root is the root.
func (w *walk) pop() { w.back(max(1, len(w.at)-1)) }

// back leaves all but the first n folders.
func (w *walk) back(n int) {
	for _, f := range w.at[n:] {
		_ = unix.Close(f.fd)
	}
	w.at = w.at[:n]
}

func (w *walk) close() { w.back(0) }

// open opens the folder where the walk is for reading.
func (w *walk) open() (*os.File, error) {
	fd, err := unix.Openat(w.top().fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: w.path(), Err: err}
	}
	return os.NewFile(uintptr(fd), w.path()), nil
}

func parts(path string) []string {
	var out []string
	for _, p := range strings.Split(path, "/") {
		if p != "" && p != "." {
			out = append(out, p)
		}
	}
	return out
}
