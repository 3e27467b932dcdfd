// Package state saves and restores the product's state paths: folders and files
// that belong to it and to no package, such as uploads or what a %post made.
//
// It promises: what is saved is what was there, or the save fails; a path is only
// restored to where it led when it was saved; the old side is proved.
package state

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/paths"
	"onerpm/payload-scripts/internal/tree"
)

// Path is a state path that was saved.
type Path struct {
	Path string    `json:"path"` // as the manifest names it
	Real host.Name `json:"real"` // without links
}

// Set is the state of one product on this host. Folder/<n> is like the n-th path,
// and Folder/<n>.index has one JSON line for each of its files.
type Set struct {
	Paths    []string   // as the manifest names them
	Host     paths.Host // where they are
	Folder   string     // where they are saved
	Progress func(path string, bytes int64)
}

// Sync makes durable what the product wrote last.
func (s *Set) Sync() error {
	all := make([]string, len(s.Paths))
	for i, p := range s.Paths {
		all[i] = s.Host.At(p)
	}
	return host.SyncFS(all...)
}

// Save saves every path. It may be called again: only what was touched since is
// copied. While the product serves the files may change meanwhile.
func (s *Set) Save(ctx context.Context, serving bool) ([]Path, error) {
	if err := os.MkdirAll(s.Folder, 0o700); err != nil {
		return nil, err
	}
	var saved []Path
	for i, p := range s.Paths {
		real, err := s.saveable(p)
		if err != nil {
			return nil, err
		}
		if err := s.copyOf(i).Save(ctx, real, serving); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		saved = append(saved, Path{Path: p, Real: host.Name(real)})
	}
	return saved, nil
}

// saveable returns a state path without links, and refuses one that the backup lies in.
func (s *Set) saveable(p string) (string, error) {
	real, _, err := s.Host.Resolve(p)
	if err != nil {
		return "", err
	}
	folder, err := filepath.EvalSymlinks(s.Folder)
	if err != nil {
		return "", err
	}
	if paths.Within(folder, real) || paths.Within(real, folder) {
		return "", fmt.Errorf("%s and the backup in %s lie in one another", p, s.Folder)
	}
	return real, nil
}

// copyOf is where the i-th state path is saved.
func (s *Set) copyOf(i int) tree.Copy {
	return tree.Copy{Dir: s.Folder, Name: strconv.Itoa(i), Progress: s.Progress}
}

// Restore makes every path what it was when it was saved, and returns those files
// that are not so in spite of it. The way to the paths is as in the record.
func (s *Set) Restore(ctx context.Context, way *paths.Record, saved []Path) (wrong []string, err error) {
	for i, p := range saved {
		bad, err := s.restore(ctx, way, s.copyOf(i), p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Path, err)
		}
		wrong = append(wrong, bad...)
	}
	return wrong, nil
}

func (s *Set) restore(ctx context.Context, way *paths.Record, c tree.Copy, p Path) ([]string, error) {
	saved, err := c.Load()
	if err != nil {
		return nil, err
	}
	if !saved.Empty() {
		if err := s.Host.MakeFolders(way, filepath.Dir(p.Path)); err != nil {
			return nil, err
		}
	}
	real := string(p.Real)
	if err := s.Host.StillLeads(p.Path, real); err != nil {
		return nil, err
	}
	if err := saved.Restore(ctx, real); err != nil {
		return nil, err
	}
	if err := host.SyncFS(filepath.Dir(real), real); err != nil {
		return nil, err
	}
	wrong, err := saved.Differences(ctx, real)
	for i, rel := range wrong {
		wrong[i] = filepath.Join(p.Path, rel)
	}
	return wrong, err
}

// Has reports whether a path, as this process sees it, is a state path.
func (s *Set) Has(path string) bool {
	return slices.ContainsFunc(s.Paths, func(p string) bool { return s.Host.At(p) == path })
}
