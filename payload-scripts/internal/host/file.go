package host

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

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
	if st, ok := info.Sys().(*syscallStat); ok {
		a.UID, a.GID = int(st.Uid), int(st.Gid)
	}
	return a
}

// WriteFile replaces path by data as one step that survives a power cut: a
// temporary file beside it, fsync, rename, fsync of the folder. The SELinux
// label and other extended attributes of a file that is replaced are kept.
func WriteFile(path string, data []byte, attr Attr) error {
	return replace(path, attr, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// CopyFile makes dst a copy of the regular file src, durably, with src's
// attributes, times and extended attributes; by reflink where the file system can.
func CopyFile(src, dst string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // read only
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("copy %s: not a regular file", src)
	}
	return replace(dst, AttrOf(info), func(f *os.File) error {
		if err := clone(f, in); err != nil {
			return err
		}
		if err := copyXattrs(in, f); err != nil {
			return err
		}
		return os.Chtimes(f.Name(), info.ModTime(), info.ModTime())
	})
}

// Remove removes a file durably; a file that is not there is no error.
func Remove(path string) error {
	Point("unlink", path)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// Sweep removes what [WriteFile] and [CopyFile] of path, killed while they wrote, have left beside it.
func Sweep(path string) error {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		middle, ok := strings.CutPrefix(e.Name(), "."+base+".")
		middle, is := strings.CutSuffix(middle, "~")
		if _, err := strconv.ParseUint(middle, 10, 64); !ok || !is || err != nil || !e.Type().IsRegular() {
			continue
		}
		if err := Remove(dir + e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// SyncDir makes the names in a folder durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // read only
	Point("fsync", dir)
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// SyncFS writes everything of the file systems that hold the paths to disk
// (syncfs(2)), each file system once. Paths that do not exist are left out.
func SyncFS(paths ...string) error {
	done := map[uint64]bool{}
	for _, p := range paths {
		f, err := os.Open(p)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		var st unix.Stat_t
		err = unix.Fstat(int(f.Fd()), &st)
		if err == nil && !done[st.Dev] {
			done[st.Dev] = true
			Point("syncfs", "") // which path names the file system may differ from run to run
			err = unix.Syncfs(int(f.Fd()))
		}
		_ = f.Close()
		if err != nil {
			return fmt.Errorf("sync the file system of %s: %w", p, err)
		}
	}
	return nil
}

func replace(path string, attr Attr, fill func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*~")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	if old, openErr := os.Open(path); openErr == nil {
		err = copyXattrs(old, f)
		_ = old.Close()
		if err != nil {
			return err
		}
	}
	if err = fill(f); err != nil {
		return err
	}
	if err = f.Chown(attr.UID, attr.GID); err != nil {
		return err
	}
	if err = f.Chmod(attr.Mode); err != nil { // after chown, which clears setuid
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
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

func clone(dst, src *os.File) error {
	if unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())) == nil {
		return nil
	}
	_, err := io.Copy(dst, src)
	return err
}
