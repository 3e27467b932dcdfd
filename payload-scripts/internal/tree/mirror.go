package tree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// racyWithin is how shortly before its copy a change of a file makes its ctime
// no proof: a second change may have the same.
const racyWithin = 2 * time.Second

// mirror makes one tree like another, touching only what differs. It works on
// open folders and never follows a link.
type mirror struct {
	ctx      context.Context
	policy   policy
	progress func(rel string, bytes int64)
	done     int64 // bytes copied so far
	links    links
}

// policy is what differs between saving a tree and restoring it.
type policy interface {
	// lenient: the source is alive; what vanishes while it is read was never there.
	lenient() bool
	// settled tells from looking at both names alone (either may lack) that a
	// regular file in src needs no work; it is not seen then.
	settled(rel string, src, dst int, srcName, dstName string) (bool, error)
	// same tells whether the content of the regular file from need not be copied
	// to the regular file to.
	same(from, to *host.Inode) (bool, error)
	// copied is called for each file that was copied, with its entry in src.
	copied(src *entry, dst *host.Inode) error
	// seen is called for everything in src, once it is in dst too.
	seen(src *entry)
	// linked is called for a further name of a file in src that was settled or seen.
	linked(rel, first string)
	// keeps tells whether what only dst has may stay.
	keeps(dst *entry) bool
}

// run makes dst/dstName like src/srcName.
func (m *mirror) run(src int, srcName string, dst int, dstName string) error {
	m.links = links{dir: dst, base: dstName, first: map[inode]string{}, taken: map[inode]inode{}}
	return m.at(src, srcName, dst, dstName, ".", 0)
}

// at is run for one file and what is below it; rel is what both are called in messages.
func (m *mirror) at(src int, srcName string, dst int, dstName, rel string, depth int) error {
	if err := m.ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("%s: folders nest deeper than %d", rel, maxDepth)
	}
	if done, err := m.hardLink(src, srcName, dst, dstName, rel); err != nil || done {
		return err
	}
	if done, err := m.policy.settled(rel, src, dst, srcName, dstName); err != nil || done {
		return err
	}
	from, err := host.OpenInode(src, srcName)
	if errors.Is(err, os.ErrNotExist) {
		return Remove(dst, dstName)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", rel, err)
	}
	defer from.Close()
	want, err := describe(from, rel)
	if err != nil {
		return err
	}
	want.Racy = time.Since(time.Unix(0, want.CTime)) < racyWithin
	m.progress(rel, m.done)
	if want.kind() == unix.S_IFSOCK { // made by a program that listens, not to be copied
		m.policy.seen(want)
		return Remove(dst, dstName)
	}
	have, to, err := m.destination(dst, dstName, want)
	if err != nil {
		return err
	}
	if to != nil {
		defer to.Close()
	}
	switch want.kind() {
	case unix.S_IFDIR:
		err = m.folder(src, srcName, dst, dstName, rel, depth, want, have)
	case unix.S_IFREG:
		err = m.file(from, to, want, have, dst, dstName)
	default:
		err = m.special(want, have, dst, dstName)
	}
	if m.policy.lenient() && errors.Is(err, errVanished) {
		return Remove(dst, dstName)
	}
	if err != nil {
		return err
	}
	m.policy.seen(want)
	return nil
}

// errVanished is a file that went while it was looked at.
var errVanished = errors.New("it vanished")

// destination opens what is in dst, and removes it when it is of another kind.
func (m *mirror) destination(dst int, dstName string, want *entry) (*entry, *host.Inode, error) {
	to, err := host.OpenInode(dst, dstName)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	have, err := describe(to, string(want.Path))
	if err != nil {
		to.Close()
		return nil, nil, err
	}
	if have.kind() == want.kind() && have.Link == want.Link && have.Rdev == want.Rdev {
		return have, to, nil
	}
	to.Close()
	return nil, nil, Remove(dst, dstName)
}

func (m *mirror) folder(src int, srcName string, dst int, dstName, rel string, depth int, want, have *entry) error {
	if have == nil {
		if err := unix.Mkdirat(dst, dstName, 0o700); err != nil {
			return &os.PathError{Op: "mkdir", Path: rel, Err: err}
		}
	}
	from, err := openDir(src, srcName)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			return fmt.Errorf("%s: %w", rel, errVanished)
		}
		return err
	}
	defer from.Close() //nolint:errcheck // read only
	to, err := openDir(dst, dstName)
	if err != nil {
		return err
	}
	defer to.Close() //nolint:errcheck // read only
	list, err := names(from)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w", rel, errVanished)
	}
	if err != nil {
		return err
	}
	if err := m.prune(to, list, rel); err != nil {
		return err
	}
	for _, child := range list {
		if err := m.at(int(from.Fd()), child, int(to.Fd()), child, path.Join(rel, child), depth+1); err != nil {
			return err
		}
	}
	return applyAttributes(dst, dstName, want)
}

// prune removes from a folder what the other one does not have.
func (m *mirror) prune(to *os.File, wanted []string, rel string) error {
	want := make(map[string]bool, len(wanted))
	for _, n := range wanted {
		want[n] = true
	}
	list, err := names(to)
	if err != nil {
		return err
	}
	for _, child := range list {
		if want[child] {
			continue
		}
		n, err := host.OpenInode(int(to.Fd()), child)
		if err != nil {
			return err
		}
		e, err := describe(n, path.Join(rel, child))
		n.Close()
		if err != nil {
			return err
		}
		if m.policy.keeps(e) {
			continue
		}
		if err := Remove(int(to.Fd()), child); err != nil {
			return fmt.Errorf("%s: %w", path.Join(rel, child), err)
		}
	}
	return nil
}

// applyAttributes gives what is at dst the attributes of want, if it has others.
func applyAttributes(dst int, dstName string, want *entry) error {
	n, err := host.OpenInode(dst, dstName)
	if err != nil {
		return err
	}
	defer n.Close()
	have, err := describe(n, string(want.Path))
	if err != nil || have.kind() == want.kind() && have.sameAttrs(want) {
		return err
	}
	return n.SetAttr(want.attr(), want.Xattrs, unix.NsecToTimespec(want.MTime))
}

func (m *mirror) file(from, to *host.Inode, want, have *entry, dst int, dstName string) error {
	if have != nil && m.links.take(from, to) {
		same, err := m.policy.same(from, to)
		if err != nil {
			return err
		}
		if same {
			return applyAttributes(dst, dstName, want)
		}
	}
	src, err := from.Open()
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // read only
	tmp := temporary(dstName)
	fd, err := unix.Openat(dst, tmp, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, unix.EEXIST) { // of an engine that was killed
		if err := Remove(dst, tmp); err != nil {
			return err
		}
		fd, err = unix.Openat(dst, tmp, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	}
	if err != nil {
		return &os.PathError{Op: "create", Path: string(want.Path), Err: err}
	}
	out := os.NewFile(uintptr(fd), tmp)
	err = host.CopyData(out, src)
	err = errors.Join(err, out.Close())
	if err == nil {
		err = applyAttributes(dst, tmp, want)
	}
	if err == nil {
		host.Point("rename", string(want.Path))
		err = unix.Renameat(dst, tmp, dst, dstName)
	}
	if err != nil {
		_ = unix.Unlinkat(dst, tmp, 0)
		return fmt.Errorf("copy %s (%d bytes): %w", want.Path, want.Size, err)
	}
	m.done += want.Size
	m.progress(string(want.Path), m.done)
	n, err := host.OpenInode(dst, dstName)
	if err != nil {
		return err
	}
	defer n.Close()
	return m.policy.copied(want, n)
}

// temporary is the name under which a file is filled. It is removed like any
// file that should not be there when the engine is killed before it has its own.
func temporary(base string) string {
	const most = 255
	tmp := "." + base + ".upgrade~"
	if len(tmp) > most {
		tmp = tmp[:most-len(".upgrade~")] + ".upgrade~"
	}
	return tmp
}

// special makes a link, fifo or device.
func (m *mirror) special(want, have *entry, dst int, dstName string) error {
	if have == nil {
		var err error
		if want.kind() == unix.S_IFLNK {
			err = unix.Symlinkat(string(want.Link), dst, dstName)
		} else {
			err = unix.Mknodat(dst, dstName, want.Mode, int(want.Rdev))
		}
		if err != nil {
			return &os.PathError{Op: "create", Path: string(want.Path), Err: err}
		}
	}
	return applyAttributes(dst, dstName, want)
}

// sameContent compares two files byte by byte.
func sameContent(a, b *host.Inode) (bool, error) {
	if a.Stat.Size != b.Stat.Size {
		return false, nil
	}
	f, err := a.Open()
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // read only
	g, err := b.Open()
	if err != nil {
		return false, err
	}
	defer g.Close() //nolint:errcheck // read only
	x, y := make([]byte, 128<<10), make([]byte, 128<<10)
	for {
		n, err := io.ReadFull(f, x)
		k, err2 := io.ReadFull(g, y)
		if !bytes.Equal(x[:n], y[:k]) {
			return false, nil
		}
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return false, err
		}
		if err2 != nil && !errors.Is(err2, io.EOF) && !errors.Is(err2, io.ErrUnexpectedEOF) {
			return false, err2
		}
		if ended {
			return true, nil
		}
	}
}
