package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"

	"golang.org/x/sys/unix"
)

// statAt looks at a name in a folder without following a link; false when there is none.
func statAt(dir *os.File, name string) (unix.Stat_t, bool, error) {
	var st unix.Stat_t
	err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
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

// names lists a folder, sorted.
func names(dir *os.File) ([]string, error) {
	if _, err := dir.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	list, err := dir.Readdirnames(-1)
	sort.Strings(list)
	return list, err
}

// Remove removes a file or folder, whatever is in it; none is no error.
func Remove(dir *os.File, name string) error { return remove(dir, name, 0) }

func remove(dir *os.File, name string, depth int) error {
	err := thawed(dir, name, func() error { return unix.Unlinkat(int(dir.Fd()), name, 0) })
	switch {
	case err == nil || errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.EROFS): // the kernel says so of what is not there too
		if _, there, statErr := statAt(dir, name); statErr == nil && !there {
			return nil
		}
		return &os.PathError{Op: "remove", Path: name, Err: err}
	case !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM):
		return &os.PathError{Op: "remove", Path: name, Err: err}
	case depth > 10*maxDepth:
		return fmt.Errorf("remove %s: folders nest deeper than %d", name, 10*maxDepth)
	}
	below, openErr := openDir(int(dir.Fd()), name)
	if openErr != nil {
		return &os.PathError{Op: "remove", Path: name, Err: err}
	}
	if err := thaw(below); err != nil {
		_ = below.Close()
		return err
	}
	list, listErr := names(below)
	for _, child := range list {
		if err := remove(below, child, depth+1); err != nil {
			_ = below.Close()
			return err
		}
	}
	_ = below.Close()
	if listErr != nil {
		return listErr
	}
	if err := unix.Unlinkat(int(dir.Fd()), name, unix.AT_REMOVEDIR); err != nil && !errors.Is(err, unix.ENOENT) {
		return &os.PathError{Op: "remove", Path: name, Err: err}
	}
	return nil
}

// walk calls visit for everything at base in dir, folders before what is in them;
// nothing there is no error.
func walk(ctx context.Context, dir *os.File, base, rel string, depth int, visit func(rel string, st *unix.Stat_t, dir *os.File, base string) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("%s: folders nest deeper than %d", rel, maxDepth)
	}
	st, there, err := statAt(dir, base)
	if err != nil || !there {
		return err
	}
	if err := visit(rel, &st, dir, base); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return err
	}
	below, err := openDir(int(dir.Fd()), base)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer below.Close() //nolint:errcheck // read only
	list, err := names(below)
	if errors.Is(err, os.ErrNotExist) { // removed meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	for _, child := range list {
		if err := walk(ctx, below, child, filepath.Join(rel, child), depth+1, visit); err != nil {
			return err
		}
	}
	return nil
}
