package tree

import (
	"context"
	"errors"
	"fmt"
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
	// complete gives the entry of a file in src what is better known of it.
	complete(src *entry)
	// unchanged returns, from looking at both names alone (either may be missing), the entry of a regular file or
	// folder that needs no work, though what is in the folder may; nil otherwise. Such a file is not seen.
	unchanged(p pair) (*entry, error)
	// same reports whether the content of the regular file from need not be copied
	// to the regular file to.
	same(from, to *host.Inode) (bool, error)
	// copied is called for each file that was copied, with its entry in src.
	copied(src *entry, dst *host.Inode) error
	// seen is called for everything in src, once it is in dst too.
	seen(src *entry)
	// linked is called for a further name of a file in src that was unchanged or seen.
	linked(rel, first string)
	// flags are those that a file gets, besides its attributes.
	flags(rel string) uint32
	// keeps reports whether what only dst has may stay.
	keeps(dst *entry) bool
}

// run makes dst/dstName like src/srcName.
func (m *mirror) run(src *os.File, srcName string, dst *os.File, dstName string) error {
	m.links = links{dir: dst, base: dstName, first: map[inode]string{}, taken: map[inode]inode{}}
	return m.at(pair{src, dst, srcName, dstName, "."}, 0)
}

// pair is one file in both trees, by its name in an open folder of each; rel is
// what both are called in messages.
type pair struct {
	src, dst         *os.File
	srcName, dstName string
	rel              string
}

// at is run for one file and what is below it.
func (m *mirror) at(p pair, depth int) error {
	if err := m.ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("%s: folders nest deeper than %d", p.rel, maxDepth)
	}
	st, there, err := statAt(p.src, p.srcName)
	if err != nil {
		return err
	}
	if there {
		if done, err := m.hardLink(p, &st); err != nil || done {
			return err
		}
	}
	known, err := m.policy.unchanged(p)
	if err != nil || known != nil && known.isFile() {
		return err
	}
	if known != nil {
		return m.ended(p, known, m.folder(p, known, inodeOf(&st), nil, true, depth))
	}
	from, err := host.OpenInode(int(p.src.Fd()), p.srcName)
	if errors.Is(err, os.ErrNotExist) {
		return Remove(p.dst, p.dstName)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.rel, err)
	}
	defer from.Close()
	want, err := describe(from, p.rel)
	if err != nil {
		return err
	}
	m.policy.complete(want)
	want.Racy = time.Since(time.Unix(0, want.CTime)) < racyWithin
	m.progress(p.rel, m.done)
	if want.kind() == unix.S_IFSOCK { // made by a program that listens, not to be copied
		m.policy.seen(want)
		return Remove(p.dst, p.dstName)
	}
	to, err := m.destination(p, want)
	if err != nil {
		return err
	}
	if to != nil {
		defer to.Close()
	}
	switch want.kind() {
	case unix.S_IFDIR:
		err = m.folder(p, want, inodeOf(&from.Stat), to, false, depth)
	case unix.S_IFREG:
		err = m.file(p, from, to, want)
	default:
		err = m.special(p, want, to)
	}
	return m.ended(p, want, err)
}

// ended notes what has come of one file.
func (m *mirror) ended(p pair, want *entry, err error) error {
	if m.policy.lenient() && errors.Is(err, errVanished) {
		return Remove(p.dst, p.dstName)
	}
	if err != nil {
		return err
	}
	m.policy.seen(want)
	return nil
}

// errVanished is a file that went, or was replaced, while it was looked at.
var errVanished = errors.New("it was replaced while it was looked at")

// destination opens what is in dst, nil for nothing, and removes it when it is of another kind.
func (m *mirror) destination(p pair, want *entry) (*host.Inode, error) {
	to, err := host.OpenInode(int(p.dst.Fd()), p.dstName)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	have, err := describe(to, p.rel)
	if err == nil && have.isLike(want) {
		return to, nil
	}
	to.Close()
	if err != nil {
		return nil, err
	}
	return nil, Remove(p.dst, p.dstName)
}

// folder makes a folder of dst, and what is in it, like that of src. It works on the two folders that it has opened,
// whatever their names come to mean meanwhile. One that is unchanged has its attributes and names already: only what
// bears the names is looked at.
func (m *mirror) folder(p pair, want *entry, is inode, there *host.Inode, unchanged bool, depth int) error {
	from, err := openDir(int(p.src.Fd()), p.srcName)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return fmt.Errorf("%s: %w", p.rel, errVanished)
	}
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // read only
	if n, err := host.InodeOf(from); err != nil || inodeOf(&n.Stat) != is {
		return errors.Join(err, fmt.Errorf("%s: %w", p.rel, errVanished))
	}
	to, err := openOrMake(p, there != nil || unchanged)
	if err != nil {
		return err
	}
	defer to.Close() //nolint:errcheck // read only
	list, err := names(from)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w", p.rel, errVanished)
	}
	if err != nil {
		return err
	}
	if !unchanged {
		if err := thaw(to); err != nil {
			return err
		}
		if err := m.prune(to, list, p.rel); err != nil {
			return err
		}
	}
	for _, child := range list {
		if err := m.at(pair{from, to, child, child, path.Join(p.rel, child)}, depth+1); err != nil {
			return err
		}
	}
	n, err := host.InodeOf(to)
	if err != nil || unchanged && n.Stat.Mtim.Nano() == want.MTime { // nothing in it was replaced
		return err
	}
	return m.applyAttributes(n, want)
}

func openOrMake(p pair, there bool) (*os.File, error) {
	if !there {
		return host.MkdirAt(p.dst, p.dstName)
	}
	return openDir(int(p.dst.Fd()), p.dstName)
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
		e, err := entryAt(to, child, path.Join(rel, child))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if m.policy.keeps(e) {
			continue
		}
		if err := Remove(to, child); err != nil {
			return fmt.Errorf("%s: %w", path.Join(rel, child), err)
		}
	}
	return nil
}

func entryAt(dir *os.File, name, rel string) (*entry, error) {
	n, err := host.OpenInode(int(dir.Fd()), name)
	if err != nil {
		return nil, err
	}
	defer n.Close()
	return describe(n, rel)
}

// applyAttributes gives an inode the attributes of want, if it has others, and
// its flags, which come last: they may forbid any change.
func (m *mirror) applyAttributes(n *host.Inode, want *entry) error {
	have, err := describe(n, string(want.Path))
	if err != nil {
		return err
	}
	if !have.sameAttrs(want) {
		if have.Flags&host.Frozen != 0 {
			if err := n.SetFlags(0); err != nil {
				return err
			}
		}
		if err := n.SetAttr(want.attr(), want.Xattrs, unix.NsecToTimespec(want.MTime)); err != nil {
			return err
		}
	}
	return m.applyFlags(n, want)
}

func (m *mirror) applyFlags(n *host.Inode, want *entry) error {
	return n.SetFlags(m.policy.flags(string(want.Path)))
}
