package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"golang.org/x/sys/unix"
)

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

// OpenParent opens the folder above a path in which no part is a link.
func OpenParent(real string) (*os.File, error) {
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

// Remove removes a file or folder, whatever is in it; none is no error.
func Remove(dir int, name string) error { return remove(dir, name, 0) }

func remove(dir int, name string, depth int) error {
	err := unix.Unlinkat(dir, name, 0)
	switch {
	case err == nil || errors.Is(err, unix.ENOENT):
		return nil
	case !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM):
		return &os.PathError{Op: "remove", Path: name, Err: err}
	case depth > 10*maxDepth:
		return fmt.Errorf("remove %s: folders nest deeper than %d", name, 10*maxDepth)
	}
	below, openErr := openDir(dir, name)
	if openErr != nil {
		return &os.PathError{Op: "remove", Path: name, Err: err}
	}
	list, listErr := names(below)
	for _, child := range list {
		if err := remove(int(below.Fd()), child, depth+1); err != nil {
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

// walk calls visit for everything at base in dir, folders before what is in them;
// nothing there is no error.
func walk(ctx context.Context, dir int, base, rel string, depth int, visit func(rel string, st *unix.Stat_t, dir int, base string) error) error {
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
	below, err := openDir(dir, base)
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
		if err := walk(ctx, int(below.Fd()), child, filepath.Join(rel, child), depth+1, visit); err != nil {
			return err
		}
	}
	return nil
}
