package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

func (m *mirror) file(p pair, from, to *host.Inode, want *entry) error {
	if to != nil && m.links.claim(from, to) {
		done, err := m.reuse(from, to, want)
		if err != nil || done {
			return err
		}
	}
	src, err := from.Open()
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // read only
	tmp := temporary(p.dstName)
	if err := Remove(p.dst, tmp); err != nil { // of an engine that was killed
		return err
	}
	fd, err := unix.Openat(int(p.dst.Fd()), tmp, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return &os.PathError{Op: "create", Path: p.rel, Err: err}
	}
	out := os.NewFile(uintptr(fd), p.rel)
	defer out.Close() //nolint:errcheck // synced with the file system
	made, err := m.fill(out, src, want)
	if err == nil {
		host.Point("rename", p.rel)
		err = thawed(p.dst, p.dstName, func() error {
			return unix.Renameat(int(p.dst.Fd()), tmp, int(p.dst.Fd()), p.dstName)
		})
	}
	if err != nil {
		_ = unix.Unlinkat(int(p.dst.Fd()), tmp, 0)
		return fmt.Errorf("copy %s (%d bytes): %w", p.rel, want.Size, err)
	}
	if err := m.applyFlags(made, want); err != nil {
		return err
	}
	m.done += want.Size
	m.progress(p.rel, m.done)
	return nil
}

// reuse keeps a file whose content is right. One with other names too and other
// attributes is not kept: they may be names of something else on the host.
func (m *mirror) reuse(from, to *host.Inode, want *entry) (bool, error) {
	have, err := describe(to, string(want.Path))
	if err != nil {
		return false, err
	}
	if to.Stat.Nlink > 1 && !have.sameAttrs(want) {
		return false, nil
	}
	same, err := m.policy.same(from, to)
	if err != nil || !same {
		return false, err
	}
	return true, m.applyAttributes(to, want)
}

// fill makes the new file out what src is, but for its flags: they would forbid
// its renaming.
func (m *mirror) fill(out, src *os.File, want *entry) (*host.Inode, error) {
	if err := host.CopyData(out, src); err != nil {
		return nil, err
	}
	n, err := host.InodeOf(out)
	if err != nil {
		return nil, err
	}
	if err := m.policy.copied(want, n); err != nil {
		return nil, err
	}
	return n, n.SetAttr(want.attr(), want.Xattrs, unix.NsecToTimespec(want.MTime))
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

// special makes a link, FIFO or device.
func (m *mirror) special(p pair, want *entry, there *host.Inode) error {
	if there != nil {
		return m.applyAttributes(there, want)
	}
	var err error
	if want.kind() == unix.S_IFLNK {
		err = unix.Symlinkat(string(want.Link), int(p.dst.Fd()), p.dstName)
	} else {
		err = unix.Mknodat(int(p.dst.Fd()), p.dstName, want.Mode, int(want.Rdev))
	}
	if err != nil {
		return &os.PathError{Op: "create", Path: p.rel, Err: err}
	}
	made, err := host.OpenInode(int(p.dst.Fd()), p.dstName)
	if err != nil {
		return err
	}
	defer made.Close()
	have, err := describe(made, p.rel)
	if err != nil {
		return err
	}
	if !have.isLike(want) || made.Stat.Nlink != 1 {
		return fmt.Errorf("make %s: somebody replaced it meanwhile", p.rel)
	}
	return m.applyAttributes(made, want)
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
