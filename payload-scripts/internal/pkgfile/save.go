package pkgfile

import (
	"context"
	"crypto"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strconv"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// Save notes, and saves, those of the wanted files that are not as wanted on this host, and
// what lies at the other paths; and which of the folders above paths to come do not exist.
// What was saved before is forgotten, but for such folders: the upgrade itself may have made one since, before it
// was cut short. It returns the paths of what it noted of the files.
func (s Saved) Save(ctx context.Context, want map[string]Want, others, toCome []string) ([]string, error) {
	earlier, err := s.load()
	if err != nil {
		return nil, err
	}
	earlier = slices.DeleteFunc(earlier, func(o Own) bool { return !o.isAbsentDir() })
	forget := func() error { return os.RemoveAll(s.file()) }
	if len(earlier) > 0 {
		forget = func() error { return s.write(earlier) }
	}
	if err := forget(); err != nil { // of copies that go now
		return nil, err
	}
	if err := os.RemoveAll(s.copies()); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.copies(), 0o700); err != nil {
		return nil, err
	}
	v := saver{Saved: s, comparer: &Comparer{Root: s.Root}, names: map[[2]uint64]host.Name{}}
	paths := []string{}
	for _, p := range union(want, others) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		before := len(v.all)
		if err := v.save(p, want); err != nil {
			return nil, fmt.Errorf("save %s for the way back: %w", p, err)
		}
		if len(v.all) > before {
			paths = append(paths, p)
		}
	}
	for _, o := range earlier {
		toCome = append(toCome, string(o.Path)+"/all that is in it")
	}
	dirs, err := s.absentDirs(toCome, earlier)
	if err != nil {
		return nil, err
	}
	return paths, s.write(append(v.all, dirs...))
}

func union(a map[string]Want, b []string) []string {
	var all []string
	for p := range a {
		all = append(all, p)
	}
	for _, p := range b {
		if _, ok := a[p]; !ok {
			all = append(all, p)
		}
	}
	sort.Strings(all)
	return all
}

// saver saves one file after the other.
type saver struct {
	Saved
	comparer *Comparer
	names    map[[2]uint64]host.Name // device and inode of a file with hard links that is saved -> its first path
	all      []Own
}

// save notes and saves what is at p, when it is not as the old packages have it.
func (v *saver) save(p string, want map[string]Want) error {
	at := v.path(host.Name(p))
	w, packaged := want[p]
	n, err := open(at)
	if err != nil {
		return err
	}
	if n == nil {
		if packaged {
			v.all = append(v.all, Own{Path: host.Name(p), Missing: true})
		}
		return nil
	}
	defer n.Close()
	if packaged && w.Mode.IsDir() && isLink(n) {
		f, err := openFolder(at)
		if err != nil || f == nil {
			return err // a link that leads nowhere stays one, whatever rpm does
		}
		defer f.Close()
		n = f.Inode
	}
	xattrs, err := n.Xattrs()
	if err != nil {
		return err
	}
	if packaged {
		w.IgnoreAttr, w.IgnoreContent = false, false
		got, _, err := v.comparer.inode(w, n)
		if err != nil || got == "" && !w.Caps && len(withoutLabels(xattrs)) == 0 {
			return err
		}
	}
	o := Own{Path: host.Name(p), Mode: GoMode(n.Stat.Mode), UID: int(n.Stat.Uid), GID: int(n.Stat.Gid), Xattrs: xattrs, MTime: n.Stat.Mtim.Nano()}
	switch {
	case o.Mode.IsDir():
	case isLink(n):
		link, err := n.Link()
		if err != nil {
			return err
		}
		o.Link = host.Name(link)
	case o.Mode.IsRegular():
		if err := v.content(&o, n, w, packaged); err != nil {
			return err
		}
	default:
		return fmt.Errorf("it is %s, which cannot be saved", o.Mode)
	}
	v.all = append(v.all, o)
	return nil
}

// content notes a regular file's content, and saves it when it is not the package's.
func (v *saver) content(o *Own, n *host.Inode, w Want, packaged bool) (err error) {
	o.Size, o.Names = n.Stat.Size, uint64(n.Stat.Nlink) //nolint:unconvert // 32 bits on other machines
	if o.SHA256, err = v.comparer.digest(n, crypto.SHA256); err != nil {
		return err
	}
	if packaged && w.Mode.IsRegular() {
		if got, err := v.comparer.compareContent(w, n); err != nil || got == "" {
			return err
		}
	}
	if n.Stat.Nlink > 1 {
		id := [2]uint64{n.Stat.Dev, n.Stat.Ino}
		if first, known := v.names[id]; known {
			o.Same = first
			return nil
		}
		v.names[id] = o.Path
	}
	o.Saved = strconv.Itoa(len(v.all))
	return host.CopyFile(v.path(o.Path), filepath.Join(v.copies(), o.Saved))
}

// absentDirs returns the folders above the paths that are not there now, or were not there earlier, the deepest first.
func (s Saved) absentDirs(paths []string, earlier []Own) ([]Own, error) {
	seen := map[string]bool{}
	var absent []string
	for _, p := range paths {
		for dir := path.Dir(p); dir != "/" && !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			n, err := open(s.path(host.Name(dir)))
			if err != nil {
				return nil, err
			}
			if n != nil {
				n.Close()
			}
			if n == nil || slices.ContainsFunc(earlier, func(o Own) bool { return o.Path == host.Name(dir) }) {
				absent = append(absent, dir)
			}
		}
	}
	sort.Sort(sort.Reverse(sort.StringSlice(absent)))
	dirs := make([]Own, len(absent))
	for i, dir := range absent {
		dirs[i] = Own{Path: host.Name(dir), Missing: true, Mode: fs.ModeDir}
	}
	return dirs, nil
}

// mtime is the time as system calls want it.
func (o Own) mtime() unix.Timespec { return unix.NsecToTimespec(o.MTime) }
