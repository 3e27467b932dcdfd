package pkgfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"

	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/internal/host"
)

// Save notes, and saves, those of the wanted files that are not as wanted on this host, and
// what lies at the other paths; and which of the folders above paths to come do not exist.
// What was saved before is forgotten. It returns the paths of what it noted of the files.
func (s Saved) Save(ctx context.Context, want map[string]Want, others, toCome []string) ([]string, error) {
	if err := os.RemoveAll(s.file()); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(s.copies()); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.copies(), 0o700); err != nil {
		return nil, err
	}
	all, paths := []Own{}, []string{}
	for _, p := range union(want, others) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		o, err := s.save(p, want, strconv.Itoa(len(all)))
		if err != nil {
			return nil, fmt.Errorf("save %s for the way back: %w", p, err)
		}
		if o != nil {
			all, paths = append(all, *o), append(paths, p)
		}
	}
	dirs, err := s.absentDirs(toCome)
	if err != nil {
		return nil, err
	}
	return paths, s.write(append(all, dirs...))
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

// save describes and saves what is at p when it is not as the old packages have
// it, and returns nil when it is. name is that of a copy.
func (s Saved) save(p string, want map[string]Want, name string) (*Own, error) {
	at := s.path(p)
	e, packaged := want[p]
	info, err := os.Lstat(at)
	if errors.Is(err, os.ErrNotExist) || isNotDir(err) {
		if packaged {
			return &Own{Path: p, Missing: true}, nil
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if packaged {
		e.Lax, e.Varies = false, false
		if got, _, err := e.Look(at); got == "" || err != nil {
			return nil, err
		}
	}
	attr := host.AttrOf(info)
	o := &Own{Path: p, Mode: info.Mode().Type() | attr.Mode, UID: attr.UID, GID: attr.GID}
	switch {
	case info.IsDir():
		return o, nil
	case o.Mode&fs.ModeSymlink != 0:
		o.Link, err = os.Readlink(at)
		return o, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("it is %s, which cannot be saved", info.Mode())
	}
	o.Size = info.Size()
	if o.SHA256, err = Digest(at, rpmfile.SHA256); err != nil {
		return nil, err
	}
	if packaged && e.Mode.IsRegular() {
		if got, err := e.lookContent(at, info); err != nil || got == "" {
			return o, err
		}
	}
	o.Saved = name
	return o, host.CopyFile(at, filepath.Join(s.copies(), name))
}
