// Package tree copies a folder tree, or a single file, into a backup and brings
// it back.
//
// It promises: a copy is used only when its index says that it is complete; a
// tree that was restored has every byte, mode, owner, modification time, extended
// attribute and hard link of the one that was saved; what has not changed is not
// written; a run that was killed can be repeated from where it stopped; no
// symbolic link inside of a tree is ever followed.
package tree

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// Copy is where a tree is saved: Dir/Name is like it, Dir/Name.index has one JSON
// line for each of its files.
type Copy struct {
	Dir, Name string
	// Progress, when not nil, is called with the path that is being worked on and
	// the bytes copied so far.
	Progress func(path string, bytes int64)
}

// indexFile is where the index of the copy lies.
func (c Copy) indexFile() string { return filepath.Join(c.Dir, c.Name+".index") }

func (c Copy) progress(path string, bytes int64) {
	if c.Progress != nil {
		c.Progress(path, bytes)
	}
}

// Saved is a complete copy with its index.
type Saved struct {
	copy  Copy
	index index
}

// Load reads the index of a copy; one that was never completed is os.ErrNotExist.
func (c Copy) Load() (*Saved, error) {
	x, err := readIndex(c.indexFile())
	if err != nil {
		return nil, err
	}
	return &Saved{copy: c, index: x}, nil
}

// Empty reports whether there was nothing at all where the copy was taken.
func (s *Saved) Empty() bool { return len(s.index) == 0 }

// Size returns the room that a copy of everything at a path takes, in bytes: 0 when
// nothing is there. A file with several names counts once, and holes do not.
func Size(ctx context.Context, real string) (int64, error) {
	dir, base, err := host.OpenParent(real)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer dir.Close() //nolint:errcheck // read only
	var total int64
	counted := map[inode]bool{} // files with several names
	err = walk(ctx, dir, base, ".", 0, func(_ string, st *unix.Stat_t, _ *os.File, _ string) error {
		if st.Nlink > 1 && st.Mode&unix.S_IFMT == unix.S_IFREG {
			if counted[inodeOf(st)] {
				return nil
			}
			counted[inodeOf(st)] = true
		}
		const block = 4096
		total += (st.Blocks*512/block + 1) * block
		return nil
	})
	return total, err
}

// Walk calls visit for everything at a path, folders before what is in them, with the path below
// it ("." is the path itself). No link is followed; nothing there is no error.
func Walk(ctx context.Context, real string, visit func(rel string, st *unix.Stat_t) error) error {
	dir, base, err := host.OpenParent(real)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // read only
	return walk(ctx, dir, base, ".", 0, func(rel string, st *unix.Stat_t, _ *os.File, _ string) error { return visit(rel, st) })
}
