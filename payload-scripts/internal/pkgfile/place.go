package pkgfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// A file of a package often lies in a folder that the product's user owns, who can put a
// link in the place of anything there while root works. So a file is opened once, as an
// inode below an open folder, and everything is asked of and done to that inode.

// open opens what is at a path of the host, nil when nothing is there.
func open(path string) (*host.Inode, error) {
	n, err := host.OpenPath(path)
	if absent(err) {
		return nil, nil
	}
	return n, err
}

// absent says that nothing is at a path; a file on the way counts as nothing.
func absent(err error) bool { return errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) }

func isLink(n *host.Inode) bool { return n.Stat.Mode&unix.S_IFMT == unix.S_IFLNK }

// folder is the folder that a path stands for: rpm takes a link to a folder for the
// folder, and so does everything here when the link is root's. nil when it is neither.
type folder struct {
	*host.Inode
	file *os.File
}

// Close lets the folder go, and its inode with it.
func (f *folder) Close() { _ = f.file.Close() }

// openFolder opens the folder at a path, behind a link of root's too.
func openFolder(path string) (*folder, error) {
	file, err := host.OpenDir(path)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n, err := host.InodeOf(file)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &folder{n, file}, nil
}

// Remove removes a file, or an empty folder, or nothing. It is durable once its file
// system is synced.
func Remove(path string) error {
	dir, base, err := host.OpenParent(path)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // the caller syncs
	host.Point("unlink", path)
	err = unix.Unlinkat(int(dir.Fd()), base, 0)
	if errors.Is(err, unix.EISDIR) {
		err = unix.Unlinkat(int(dir.Fd()), base, unix.AT_REMOVEDIR)
	}
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTEMPTY) {
		return &os.PathError{Op: "remove", Path: path, Err: err}
	}
	return nil
}

// ReadDir returns what is in a folder of the host, nothing when there is none.
func ReadDir(path string) ([]os.DirEntry, error) {
	dir, err := host.OpenDir(path)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close() //nolint:errcheck // read only
	return dir.ReadDir(-1)
}

// IsEmptyDir reports whether an empty folder is at a path: a folder itself, not a link to one.
func IsEmptyDir(path string) (bool, error) {
	n, err := open(path)
	if err != nil || n == nil {
		return false, err
	}
	defer n.Close()
	if n.Stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		return false, nil
	}
	dir, err := n.Open()
	if err != nil {
		return false, err
	}
	defer dir.Close() //nolint:errcheck // read only
	_, err = dir.Readdirnames(1)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	return false, err
}

// clean is a path of the host below root.
func clean(root, path string) string { return filepath.Join("/", root, path) }
