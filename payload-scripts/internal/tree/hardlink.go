package tree

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// inode is a file, whatever its names are.
type inode struct{ dev, ino uint64 }

func inodeOf(st *unix.Stat_t) inode { return inode{st.Dev, st.Ino} }

// links are the hard links that a mirror has met. Names of one file in a tree
// become names of one file in its likeness, and names of two do not.
type links struct {
	dir   *os.File // the likeness is base in dir
	base  string
	first map[inode]string // file in src -> the first of its names
	taken map[inode]inode  // file in dst -> the one in src that it stands for
}

// claim reports whether the file to may become that of from: another one's may not,
// or a change of one would change the other.
func (l *links) claim(from, to *host.Inode) bool {
	if to.Stat.Nlink < 2 {
		return true
	}
	whose, is := l.taken[inodeOf(&to.Stat)]
	if !is {
		l.taken[inodeOf(&to.Stat)] = inodeOf(&from.Stat)
		return true
	}
	return whose == inodeOf(&from.Stat)
}

// hardLink makes a file of dst a further name of the file that it is in src, when
// that has been met; false when it has not. st is of its name in src.
func (m *mirror) hardLink(p pair, st *unix.Stat_t) (bool, error) {
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink < 2 {
		return false, nil
	}
	first, met := m.links.first[inodeOf(st)]
	if !met {
		m.links.first[inodeOf(st)] = p.rel
		return false, nil
	}
	m.progress(p.rel, m.done)
	dir, err := m.links.openDirOf(first)
	if err != nil {
		return false, err
	}
	defer dir.Close() //nolint:errcheck // read only
	name := path.Base(first)
	if first == "." {
		name = m.links.base
	}
	if err := linkAt(dir, name, p.dst, p.dstName); err != nil {
		if m.policy.lenient() { // src is alive and the first changed meanwhile: this is the first now
			m.links.first[inodeOf(st)] = p.rel
			return false, nil
		}
		return false, fmt.Errorf("make %s a hard link of %s: %w", p.rel, first, err)
	}
	m.policy.linked(p.rel, first)
	return true, nil
}

// openDirOf opens the folder of the likeness that a name lies in. No link is followed.
func (l *links) openDirOf(rel string) (*os.File, error) {
	dir, err := openDir(int(l.dir.Fd()), ".")
	if err != nil || rel == "." {
		return dir, err
	}
	for _, part := range append([]string{l.base}, strings.Split(filepath.Dir(rel), "/")...) {
		if part == "." {
			continue
		}
		next, err := openDir(int(dir.Fd()), part)
		_ = dir.Close()
		if err != nil {
			return nil, err
		}
		dir = next
	}
	return dir, nil
}

// linkAt makes toDir/toName, whatever stands there, a hard link of the regular
// file fromDir/fromName, in one step.
func linkAt(fromDir *os.File, fromName string, toDir *os.File, toName string) error {
	want, there, err := statAt(fromDir, fromName)
	switch {
	case err != nil:
		return err
	case !there:
		return os.ErrNotExist
	case want.Mode&unix.S_IFMT != unix.S_IFREG:
		return fmt.Errorf("%s is no regular file", fromName)
	}
	have, there, err := statAt(toDir, toName)
	if err != nil || there && inodeOf(&have) == inodeOf(&want) {
		return err
	}
	if there && have.Mode&unix.S_IFMT == unix.S_IFDIR {
		if err := Remove(toDir, toName); err != nil {
			return err
		}
	}
	tmp := temporary(toName)
	if err := Remove(toDir, tmp); err != nil { // of an engine that was killed
		return err
	}
	host.Point("link", toName)
	err = thawed(fromDir, fromName, func() error {
		return unix.Linkat(int(fromDir.Fd()), fromName, int(toDir.Fd()), tmp, 0)
	})
	if err != nil {
		return &os.LinkError{Op: "link", Old: fromName, New: toName, Err: err}
	}
	if is, _, err := statAt(toDir, tmp); err != nil || inodeOf(&is) != inodeOf(&want) {
		_ = unix.Unlinkat(int(toDir.Fd()), tmp, 0)
		return errors.Join(err, fmt.Errorf("%s was replaced meanwhile", fromName))
	}
	host.Point("rename", toName)
	return thawed(toDir, tmp, func() error { // the flags are the file's, whatever its name
		return thawed(toDir, toName, func() error {
			return unix.Renameat(int(toDir.Fd()), tmp, int(toDir.Fd()), toName)
		})
	})
}

// oneToOne compares which names are hard links of one another.
type oneToOne struct{ there, back map[inode]inode }

// agrees reports whether a name that was the file of e, and is that of st, goes with
// all names before.
func (o *oneToOne) agrees(e *entry, st *unix.Stat_t) bool {
	was, is := inode{e.Dev, e.Ino}, inodeOf(st)
	if _, known := o.there[was]; !known {
		o.there[was] = is
	}
	if _, known := o.back[is]; !known {
		o.back[is] = was
	}
	return o.there[was] == is && o.back[is] == was
}
