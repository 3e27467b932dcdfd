package pkgfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// Restore makes the recorded files what they were. What somebody put in the place of one
// meanwhile is left alone: the proof tells of it.
func (s Saved) Restore() error {
	record, err := s.load()
	if err != nil {
		return err
	}
	comparer := &Comparer{Root: s.Root}
	for _, o := range record {
		if o.isAbsentDir() {
			continue
		}
		if err := s.restore(comparer, o); err != nil {
			return fmt.Errorf("restore %s: %w", o.Path, err)
		}
	}
	return nil
}

func (s Saved) restore(comparer *Comparer, o Own) error {
	got, attr, err := comparer.Compare(o.want())
	if err != nil || got == "" && o.Same == "" {
		return err
	}
	at := s.path(o.Path)
	switch {
	case o.Missing:
		return Remove(at)
	case o.Mode.IsDir():
		return s.restoreDir(o)
	case o.Link != "":
		return s.restoreLink(o)
	case o.Same != "":
		return s.relink(o)
	case o.Saved != "":
		if err := host.CopyFile(filepath.Join(s.copies(), o.Saved), at); !absent(err) {
			return err
		}
		if err := makeParents(filepath.Dir(at)); err != nil {
			return err
		}
		return host.CopyFile(filepath.Join(s.copies(), o.Saved), at)
	case attr:
		return s.restoreAttr(comparer, o)
	}
	return nil
}

// restoreAttr gives a file that has the package's content its attributes. Whoever put
// another file, or a second name of one, in its place does not get them for that.
func (s Saved) restoreAttr(comparer *Comparer, o Own) error {
	n, err := open(s.path(o.Path))
	if err != nil || n == nil {
		return err
	}
	defer n.Close()
	if o.Mode.IsRegular() && uint64(n.Stat.Nlink) > max(1, o.Names) { //nolint:unconvert // 32 bits on other machines
		return nil
	}
	w := o.want()
	w.IgnoreAttr, w.Xattrs = true, nil
	if got, _, err := comparer.inode(w, n); got != "" || err != nil {
		return err
	}
	return n.SetAttr(host.Attr{Mode: o.Mode, UID: o.UID, GID: o.GID}, o.Xattrs, o.mtime())
}

// restoreDir makes a folder, or gives one that is there its attributes, behind a link too.
func (s Saved) restoreDir(o Own) error {
	at := s.path(o.Path)
	n, err := open(at)
	if err != nil {
		return err
	}
	if n == nil {
		if err := makeParents(at); err != nil {
			return err
		}
	} else {
		n.Close()
	}
	f, err := openFolder(at)
	if err != nil || f == nil {
		return err
	}
	defer f.Close()
	return f.SetAttr(host.Attr{Mode: o.Mode, UID: o.UID, GID: o.GID}, o.Xattrs, o.mtime())
}

// restoreLink puts a link back into its place.
func (s Saved) restoreLink(o Own) error {
	at := s.path(o.Path)
	if err := Remove(at); err != nil {
		return err
	}
	if err := makeParents(filepath.Dir(at)); err != nil {
		return err
	}
	dir, base, err := host.OpenParent(at)
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // the caller syncs
	if err := unix.Symlinkat(string(o.Link), int(dir.Fd()), base); err != nil {
		return &os.LinkError{Op: "symlink", Old: string(o.Link), New: at, Err: err}
	}
	n, err := host.OpenInode(int(dir.Fd()), base)
	if err != nil {
		return err
	}
	defer n.Close()
	if !isLink(n) {
		return errors.New("somebody replaced it meanwhile")
	}
	return n.SetAttr(host.Attr{UID: o.UID, GID: o.GID}, o.Xattrs, o.mtime())
}

// relink makes a file one of the names of another that was restored before.
func (s Saved) relink(o Own) error {
	fromDir, fromBase, err := host.OpenParent(s.path(o.Same))
	if err != nil {
		return err
	}
	defer fromDir.Close() //nolint:errcheck // read only
	from, err := host.OpenInode(int(fromDir.Fd()), fromBase)
	if err != nil {
		return err
	}
	defer from.Close()
	dir, base, err := host.OpenParent(s.path(o.Path))
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // the caller syncs
	if n, err := host.OpenInode(int(dir.Fd()), base); err == nil {
		same := n.Stat.Dev == from.Stat.Dev && n.Stat.Ino == from.Stat.Ino
		n.Close()
		if same {
			return nil
		}
	}
	tmp := "." + base + ".link~"
	if err := unix.Unlinkat(int(dir.Fd()), tmp, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return &os.PathError{Op: "remove", Path: tmp, Err: err}
	}
	if err := unix.Linkat(int(fromDir.Fd()), fromBase, int(dir.Fd()), tmp, 0); err != nil {
		return &os.LinkError{Op: "link", Old: string(o.Same), New: string(o.Path), Err: err}
	}
	if err := unix.Renameat(int(dir.Fd()), tmp, int(dir.Fd()), base); err != nil {
		return &os.LinkError{Op: "rename", Old: tmp, New: string(o.Path), Err: err}
	}
	return nil
}

// makeParents makes a folder and those above it that are missing; those that are there stay as they are.
func makeParents(dir string) error {
	n, err := open(dir)
	if err != nil {
		return err
	}
	if n != nil {
		n.Close()
		return nil
	}
	if err := makeParents(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := host.Mkdir(dir, host.Attr{Mode: 0o755}, nil); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// RemoveAbsentDirs removes the folders that the host did not have. One that is not empty
// has something that is not a package's, and stays.
func (s Saved) RemoveAbsentDirs() error {
	record, err := s.load()
	if err != nil {
		return err
	}
	for _, o := range record {
		if !o.isAbsentDir() {
			continue
		}
		if err := host.RemoveEmpty(s.path(o.Path)); err != nil {
			return err
		}
	}
	return nil
}
