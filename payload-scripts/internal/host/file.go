// Package host is the only place of the engine that changes system paths. It promises that
// what a write reports as done survives a power cut, and that a path which somebody other
// than root can change leads nowhere else.
package host

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Attr is what a file has besides its content.
type Attr struct {
	Mode os.FileMode // permission bits with setuid, setgid and sticky
	UID  int
	GID  int
}

// AttrOf returns the attributes of an open or named file's info.
func AttrOf(info os.FileInfo) Attr {
	a := Attr{Mode: info.Mode() & (os.ModePerm | os.ModeSetuid | os.ModeSetgid | os.ModeSticky)}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		a.UID, a.GID = int(st.Uid), int(st.Gid)
	}
	return a
}

// File is what a file is besides its content, without exception.
type File struct {
	Attr
	Xattrs map[string][]byte
	MTime  unix.Timespec
}

// WriteFile replaces path by data as one step that survives a power cut: a
// temporary file beside it, fsync, rename, fsync of the folder. The SELinux
// label and other extended attributes of a file that is replaced are kept.
// Links on the way are followed as by [Resolve]; a link in path itself is replaced.
// A file that is a mount of its own, as in containers, cannot be replaced: it is
// written in place, and a power cut can leave a part of it.
func WriteFile(path string, data []byte, attr Attr) error {
	return replace(path, func(f *os.File, old *Inode) error {
		if _, err := f.Write(data); err != nil {
			return err
		}
		if old != nil {
			if err := copyXattrs(old, f); err != nil {
				return err
			}
		}
		return setOwner(f, attr)
	})
}

// WriteExact is WriteFile for a file with these attributes and no others.
func WriteExact(path string, data []byte, want File) error {
	return replace(path, func(f *os.File, _ *Inode) error {
		if _, err := f.Write(data); err != nil {
			return err
		}
		n, err := InodeOf(f)
		if err != nil {
			return err
		}
		return n.SetAttr(want.Attr, want.Xattrs, want.MTime)
	})
}

// CopyFile makes dst a copy of the regular file src, durably, with src's
// attributes, times and extended attributes; by reflink where the file system can.
func CopyFile(src, dst string) error {
	from, err := OpenPath(src)
	if err != nil {
		return fmt.Errorf("copy %s: %w", src, err)
	}
	defer from.Close()
	if from.Stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("copy %s: not a regular file", src)
	}
	in, err := from.Open()
	if err != nil {
		return fmt.Errorf("copy %s: %w", src, err)
	}
	defer in.Close() //nolint:errcheck // read only
	xattrs, err := from.Xattrs()
	if err != nil {
		return err
	}
	return replace(dst, func(f *os.File, _ *Inode) error {
		if err := CopyData(f, in); err != nil {
			return err
		}
		n, err := InodeOf(f)
		if err != nil {
			return err
		}
		attr := Attr{Mode: GoMode(from.Stat.Mode), UID: int(from.Stat.Uid), GID: int(from.Stat.Gid)}
		return n.SetAttr(attr, xattrs, from.Stat.Mtim)
	})
}

// ReadFile reads a regular file of at most limit bytes. Links are followed as by
// [Resolve]; a FIFO, socket or device is not opened.
func ReadFile(path string, limit int64) ([]byte, error) {
	n, err := openReal(path)
	if err != nil {
		return nil, err
	}
	defer n.Close()
	return n.Read(limit)
}

// openReal opens what path leads to.
func openReal(path string) (*Inode, error) {
	real, _, err := Resolve("", path)
	if err != nil {
		return nil, err
	}
	return OpenPath(real)
}

// Sweep removes what [WriteFile] and the like of path, killed while they wrote, have left beside it.
func Sweep(path string) error {
	dir, base, err := OpenParent(path)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // read only
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !isTemporary(e.Name(), base) || !e.Type().IsRegular() {
			continue
		}
		if err := Remove(filepath.Join(filepath.Dir(path), e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func isTemporary(name, base string) bool {
	middle, ok := strings.CutPrefix(name, "."+base+".")
	middle, is := strings.CutSuffix(middle, "~")
	_, err := strconv.ParseUint(middle, 10, 64)
	return ok && is && err == nil
}

// replace fills a new file beside path, with the inode in its place at hand when
// that is a regular file, and puts it there.
func replace(path string, fill func(f *os.File, old *Inode) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	dir, base, err := OpenParent(path)
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // synced
	f, tmp, err := createTemporary(dir, base)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = unix.Unlinkat(int(dir.Fd()), tmp, 0)
		}
	}()
	old, err := OpenInode(int(dir.Fd()), base)
	if err == nil {
		defer old.Close()
		if old.Stat.Mode&unix.S_IFMT != unix.S_IFREG {
			old = nil
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err = fill(f, old); err != nil {
		return err
	}
	Point("fsync", path)
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	Point("rename", path)
	err = unix.Renameat(int(dir.Fd()), tmp, int(dir.Fd()), base)
	if errors.Is(err, unix.EBUSY) && old != nil {
		return overwrite(dir, tmp, old)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: tmp, New: base, Err: err}
	}
	return syncFolder(dir)
}

// overwrite makes the regular file to what the temporary file is, and removes that.
func overwrite(dir *os.File, tmp string, to *Inode) error {
	from, err := OpenInode(int(dir.Fd()), tmp)
	if err != nil {
		return err
	}
	defer from.Close()
	in, err := from.Open()
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // read only
	out, err := os.OpenFile(to.path(), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer out.Close() //nolint:errcheck // synced
	size, err := io.Copy(out, in)
	if err != nil {
		return err
	}
	if err := out.Truncate(size); err != nil {
		return err
	}
	xattrs, err := from.Xattrs()
	if err != nil {
		return err
	}
	attr := Attr{Mode: GoMode(from.Stat.Mode), UID: int(from.Stat.Uid), GID: int(from.Stat.Gid)}
	if err := to.SetAttr(attr, xattrs, from.Stat.Mtim); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return err
	}
	if err := unix.Unlinkat(int(dir.Fd()), tmp, 0); err != nil {
		return err
	}
	return syncFolder(dir)
}

// maxTemporary bounds how many names are tried for a temporary file.
const maxTemporary = 1000

func createTemporary(dir *os.File, base string) (*os.File, string, error) {
	for range maxTemporary {
		name := "." + base + "." + strconv.FormatUint(uint64(rand.Uint32()), 10) + "~"
		fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		if err == nil {
			return os.NewFile(uintptr(fd), filepath.Join(dir.Name(), name)), name, nil
		}
		if !errors.Is(err, unix.EEXIST) {
			return nil, "", &os.PathError{Op: "create", Path: filepath.Join(dir.Name(), name), Err: err}
		}
	}
	return nil, "", &os.PathError{Op: "create", Path: filepath.Join(dir.Name(), base), Err: unix.EEXIST}
}

// setOwner gives an open file owner and mode: the owner first, for a change of it clears setuid.
func setOwner(f *os.File, attr Attr) error {
	if err := f.Chown(attr.UID, attr.GID); err != nil {
		return err
	}
	return f.Chmod(attr.Mode)
}

// copyXattrs gives f all extended attributes of from and takes others away.
func copyXattrs(from *Inode, f *os.File) error {
	xattrs, err := from.Xattrs()
	if err != nil {
		return err
	}
	n, err := InodeOf(f)
	if err != nil {
		return err
	}
	return n.SetXattrs(xattrs)
}
