package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// restoreState makes every state path what it was, and proves it. The files are
// not synced one by one: one syncfs for each file system comes before the proof,
// and after a power cut everything is compared again.
func (s *Set) restoreState(ctx context.Context, x *index) error {
	var wrong []string
	for i, p := range x.State {
		tree, err := readTree(s.saved("state", strconv.Itoa(i)+".index"))
		if err != nil {
			return err
		}
		if err := s.restorePath(ctx, x, i, p, tree); err != nil {
			return fmt.Errorf("%s: %w", p.Path, err)
		}
		if err := host.SyncFS(filepath.Dir(p.Real), p.Real); err != nil {
			return err
		}
		bad, err := s.provePath(ctx, p, tree)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Path, err)
		}
		wrong = append(wrong, bad...)
	}
	return differ(wrong)
}

func (s *Set) restorePath(ctx context.Context, x *index, i int, p *statePath, tree map[string]*entry) error {
	from, err := os.Open(s.saved("state"))
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // read only
	if len(tree) > 0 {
		if err := s.makeDirs(x, filepath.Dir(p.Path)); err != nil {
			return err
		}
	}
	if err := s.still(p.Path, p.Real); err != nil {
		return err
	}
	to, err := openParent(p.Real)
	if len(tree) == 0 && (errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR)) {
		return nil
	}
	if err != nil {
		return err
	}
	defer to.Close()                                                                      //nolint:errcheck // read only
	if err := removeTree(int(to.Fd()), temporary(filepath.Base(p.Real)), 0); err != nil { // a state path may be a file
		return err
	}
	m := &mirror{
		ctx: ctx, tell: s.tell,
		settled: func(rel string, _, dst int, _, dstName string) (bool, error) {
			old := tree[rel]
			if old == nil || !old.isFile() {
				return false, nil
			}
			st, there, err := statAt(dst, dstName)
			return there && old.untouched(&st), err
		},
		same:   func(_, _ *entry, from, to *host.Inode) (bool, error) { return sameContent(from, to) },
		copied: func(*entry, *host.Inode) error { return nil },
		seen:   func(*entry) {},
		keep: func(dst *entry) bool { // sockets are not saved, but known
			old := tree[string(dst.Path)]
			return old != nil && old.kind() == unix.S_IFSOCK && dst.kind() == unix.S_IFSOCK
		},
	}
	return m.run(int(from.Fd()), strconv.Itoa(i), int(to.Fd()), filepath.Base(p.Real))
}

// provePath returns every path that is not as its index says.
func (s *Set) provePath(ctx context.Context, p *statePath, tree map[string]*entry) ([]string, error) {
	dir, err := openParent(p.Real)
	if len(tree) == 0 && (errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close() //nolint:errcheck // read only
	var wrong []string
	found := map[string]bool{}
	names := oneToOne{map[inode]inode{}, map[inode]inode{}}
	err = walk(ctx, int(dir.Fd()), filepath.Base(p.Real), ".", 0, func(rel string, st *unix.Stat_t, dir int, base string) error {
		found[rel] = true
		want := tree[rel]
		if want != nil && want.isFile() && !names.agrees(want, st) {
			wrong = append(wrong, filepath.Join(p.Path, rel))
			return nil
		}
		if want.untouched(st) {
			return nil
		}
		ok, err := isEntry(want, dir, base)
		if err == nil && !ok {
			wrong = append(wrong, filepath.Join(p.Path, rel))
		}
		return err
	})
	for path, e := range tree {
		if !found[path] && e.kind() != unix.S_IFSOCK {
			wrong = append(wrong, filepath.Join(p.Path, path))
		}
	}
	return wrong, err
}

// isEntry tells whether a file of the host is what was saved.
func isEntry(want *entry, dir int, base string) (bool, error) {
	if want == nil {
		return false, nil
	}
	n, err := host.OpenInode(dir, base)
	if err != nil {
		return false, err
	}
	defer n.Close()
	have, err := describe(n, string(want.Path))
	switch {
	case err != nil:
		return false, err
	case want.kind() == unix.S_IFSOCK:
		return have.kind() == unix.S_IFSOCK, nil
	case !want.sameAttrs(have) || want.Link != have.Link || want.Rdev != have.Rdev || want.Size != have.Size:
		return false, nil
	case !want.isFile():
		return true, nil
	}
	sum, err := digestOf(n)
	return sum == want.SHA256, err
}
