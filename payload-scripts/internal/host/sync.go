package host

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// SyncDir makes the names in a folder durable; one that is not there has none.
func SyncDir(dir string) error {
	d, err := OpenDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // read only
	return syncFolder(d)
}

func syncFolder(d *os.File) error {
	Point("fsync", d.Name())
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", d.Name(), err)
	}
	return nil
}

// SyncFS writes everything of the file systems that hold the paths to disk
// (syncfs(2)), each file system once. Paths that do not exist are left out. Only
// regular files and folders are opened: whoever puts a FIFO in a path's place
// does not hold the caller up, its folder is taken instead.
func SyncFS(paths ...string) error {
	done := map[uint64]bool{}
	for _, p := range paths {
		if err := syncFSOf(p, done); err != nil {
			return fmt.Errorf("sync the file system of %s: %w", p, err)
		}
	}
	return nil
}

func syncFSOf(path string, done map[uint64]bool) error {
	f, err := openForSync(path)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // read only
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil || done[st.Dev] {
		return err
	}
	done[st.Dev] = true
	Point("syncfs", "") // which path names the file system may differ from run to run
	return unix.Syncfs(int(f.Fd()))
}

func openForSync(path string) (*os.File, error) {
	w, err := newWalk("/")
	if err != nil {
		return nil, err
	}
	defer w.close()
	base, err := w.to(path, true)
	if err != nil {
		return nil, err
	}
	if base == "" {
		return w.open()
	}
	n, err := OpenInode(w.top().fd, base)
	if err != nil {
		return nil, err
	}
	defer n.Close()
	if n.Stat.Mode&unix.S_IFMT == unix.S_IFREG {
		return n.Open()
	}
	return w.open()
}
