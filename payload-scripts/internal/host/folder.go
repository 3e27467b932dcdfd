package host

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Mkdir makes one folder, durably; xattrs, when not nil, are its extended
// attributes, otherwise it has those that its place gives it.
func Mkdir(path string, attr Attr, xattrs map[string][]byte) error {
	dir, base, err := OpenParent(path)
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // synced
	made, err := MkdirAt(dir, base)
	if err != nil {
		return err
	}
	defer made.Close() //nolint:errcheck // synced
	if err := setOwner(made, attr); err != nil {
		return err
	}
	if xattrs != nil {
		n, err := InodeOf(made)
		if err != nil {
			return err
		}
		if err := n.SetXattrs(xattrs); err != nil {
			return err
		}
	}
	if err := syncFolder(made); err != nil {
		return err
	}
	return syncFolder(dir)
}

// MkdirAt makes a folder in an open one and opens it. What comes back is the
// folder that was made, or an error when somebody put another into its place.
func MkdirAt(dir *os.File, name string) (*os.File, error) {
	path := dir.Name() + "/" + name
	if err := unix.Mkdirat(int(dir.Fd()), name, 0o700); err != nil {
		return nil, &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	made := os.NewFile(uintptr(fd), path)
	switch _, err := made.Readdirnames(1); {
	case errors.Is(err, io.EOF): // empty
		return made, nil
	case err == nil:
		err = &os.PathError{Op: "open", Path: path, Err: errReplaced}
		fallthrough
	default:
		_ = made.Close()
		return nil, err
	}
}

// errReplaced is a file that somebody else replaced between two calls.
var errReplaced = errors.New("somebody replaced it meanwhile")

// RemoveEmpty removes a folder when it is empty. One that holds something, or is
// not there, or is no folder, is no error.
func RemoveEmpty(path string) error {
	dir, base, err := OpenParent(path)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // not synced: an empty folder harms nobody
	err = unix.Unlinkat(int(dir.Fd()), base, unix.AT_REMOVEDIR)
	switch {
	case errors.Is(err, unix.EROFS) && !exists(dir, base):
		return nil
	case err == nil, errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTEMPTY), errors.Is(err, unix.EEXIST), errors.Is(err, unix.ENOTDIR):
		return nil
	}
	return &os.PathError{Op: "rmdir", Path: path, Err: err}
}

// Remove removes a file or an empty folder durably; one that is not there is no
// error. Links on the way are followed as by [Resolve]; a link in path itself goes.
func Remove(path string) error {
	dir, base, err := OpenParent(path)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // synced
	Point("unlink", path)
	err = unix.Unlinkat(int(dir.Fd()), base, 0)
	if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EPERM) {
		if err2 := unix.Unlinkat(int(dir.Fd()), base, unix.AT_REMOVEDIR); !errors.Is(err2, unix.ENOTDIR) {
			err = err2
		}
	}
	if errors.Is(err, unix.EROFS) && !exists(dir, base) {
		return nil
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return &os.PathError{Op: "remove", Path: path, Err: err}
	}
	return syncFolder(dir)
}

// exists reports whether a name is in a folder: of one that is not, the kernel says
// that the file system is read-only when it is.
func exists(dir *os.File, name string) bool {
	var st unix.Stat_t
	return !errors.Is(unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW), unix.ENOENT)
}
