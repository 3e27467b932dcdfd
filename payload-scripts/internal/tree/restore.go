package tree

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// Restore makes the tree at real what it was when it was saved. The files are not
// synced one by one: the caller syncs the file system and asks for Differences,
// after a power cut too. Nothing that was saved is taken away because the copy has
// lost it.
func (s *Saved) Restore(ctx context.Context, real string) error {
	from, err := os.Open(s.copy.Dir)
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // read only
	if top := s.index["."]; top != nil && top.kind() != unix.S_IFSOCK {
		if _, there, err := statAt(from, s.copy.Name); err != nil || !there {
			return errors.Join(err, fmt.Errorf("the copy in %s is gone: put it back there, then try again", filepath.Join(s.copy.Dir, s.copy.Name)))
		}
	}
	to, base, err := host.OpenParent(real)
	if s.Empty() && (errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR)) {
		return nil
	}
	if err != nil {
		return err
	}
	defer to.Close()                                    //nolint:errcheck // read only
	if err := Remove(to, temporary(base)); err != nil { // the tree may be a file
		return err
	}
	m := mirror{ctx: ctx, policy: restoring{s.index}, progress: s.copy.progress}
	return m.run(from, s.copy.Name, to, base)
}

// restoring is the policy of a mirror from a copy to the host: the index tells
// what nobody touched there.
type restoring struct{ index index }

func (p restoring) lenient() bool { return false }

// complete: the index has what the host had. The file system of the copies may know
// fewer extended attributes (an ACL of NFSv4, say), and a folder in which something was
// lost has another time.
func (p restoring) complete(src *entry) {
	if old := p.index[string(src.Path)]; old != nil && old.kind() == src.kind() {
		src.Mode, src.UID, src.GID, src.MTime, src.Xattrs = old.Mode, old.UID, old.GID, old.MTime, old.Xattrs
	}
}

func (p restoring) unchanged(f pair) (*entry, error) {
	old := p.index[f.rel]
	if old == nil || !old.isFile() && (!old.isFolder() || old.Flags&host.Frozen != 0) { // nothing in a frozen one can be replaced
		return nil, nil
	}
	st, there, err := statAt(f.dst, f.dstName)
	if err != nil || !there || !old.untouched(&st) {
		return nil, err
	}
	return old, nil
}

func (p restoring) same(from, to *host.Inode) (bool, error) { return sameContent(from, to) }

func (p restoring) copied(*entry, *host.Inode) error { return nil }

func (p restoring) seen(*entry) {}

func (p restoring) linked(_, _ string) {}

func (p restoring) flags(rel string) uint32 {
	if old := p.index[rel]; old != nil {
		return old.Flags
	}
	return 0
}

// keeps is true for what was there: sockets, which are not saved, but known, and
// what the copy has lost. Differences tells when it is not what it was.
func (p restoring) keeps(dst *entry) bool {
	old := p.index[string(dst.Path)]
	return old != nil && old.kind() == dst.kind()
}

// Differences returns every path below the tree at real that is not as it was
// when it was saved; "." is the tree itself.
func (s *Saved) Differences(ctx context.Context, real string) ([]string, error) {
	dir, base, err := host.OpenParent(real)
	if s.Empty() && (errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close() //nolint:errcheck // read only
	var wrong []string
	found := map[string]bool{}
	names := oneToOne{map[inode]inode{}, map[inode]inode{}}
	err = walk(ctx, dir, base, ".", 0, func(rel string, st *unix.Stat_t, dir *os.File, base string) error {
		found[rel] = true
		want := s.index[rel]
		if want != nil && want.isFile() && !names.agrees(want, st) {
			wrong = append(wrong, rel)
			return nil
		}
		if want.untouched(st) {
			return nil
		}
		ok, err := isEntry(want, dir, base)
		if err == nil && !ok {
			wrong = append(wrong, rel)
		}
		return err
	})
	for path, e := range s.index {
		if !found[path] && e.kind() != unix.S_IFSOCK {
			wrong = append(wrong, path)
		}
	}
	return wrong, err
}

// isEntry reports whether a file of the host is what was saved.
func isEntry(want *entry, dir *os.File, base string) (bool, error) {
	if want == nil {
		return false, nil
	}
	n, err := host.OpenInode(int(dir.Fd()), base)
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
	case !want.sameAttrs(have) || want.Link != have.Link || want.Rdev != have.Rdev || want.Size != have.Size || want.Flags != have.Flags:
		return false, nil
	case !want.isFile():
		return true, nil
	}
	sum, err := digestOf(n)
	return sum == want.SHA256, err
}
