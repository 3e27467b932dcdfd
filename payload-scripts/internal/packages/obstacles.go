package packages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
)

// Obstacles are files of the host at paths where the new release's packages have theirs.
type Obstacles struct {
	Replaced []string // files that no package owns; the upgrade replaces them, the way back restores them
	Blocked  []string // folders where a package has a file, or the other way round; rpm fails on them
}

// Obstacles looks for them, sorted by path. Configuration and state are left out.
func (s *Set) Obstacles(ctx context.Context) (Obstacles, error) {
	var o Obstacles
	old, err := s.Paths(manifest.Old)
	if err != nil {
		return o, err
	}
	theirs, err := s.Paths(manifest.New)
	if err != nil {
		return o, err
	}
	var candidates []string
	for p, f := range theirs {
		if s.Merged(p) || f.IsGhost() {
			continue
		}
		info, err := os.Lstat(s.RPM.Path(p))
		if errors.Is(err, os.ErrNotExist) || isNotDir(err) {
			continue
		}
		if err != nil {
			return o, fmt.Errorf("look for files in the way: %w", err)
		}
		was, both := old[p]
		switch {
		case s.blocks(p, info, f) && (!both || was.IsDir() != info.IsDir()):
			o.Blocked = append(o.Blocked, p)
		case !both && !info.IsDir() && !s.InState(p) && !f.IsConfig():
			candidates = append(candidates, p)
		}
	}
	sort.Strings(o.Blocked)
	o.Replaced, err = s.RPM.DB().Unowned(ctx, candidates)
	return o, err
}

// blocks reports whether rpm cannot put f where info is. A link to a folder is
// as good as a folder to rpm.
func (s *Set) blocks(p string, info fs.FileInfo, f rpmfile.FileInfo) bool {
	if info.Mode()&fs.ModeSymlink != 0 && f.IsDir() {
		target, err := os.Stat(s.RPM.Path(p))
		return err == nil && !target.IsDir()
	}
	return info.IsDir() != f.IsDir()
}

// Growth tells how many bytes and files the new release's packages need in each
// folder beyond what is there, in blocks of 4 KiB: a file that is replaced gives
// its room back, what only the old release has does so at the end and does
// not count. Peak is the size of the largest file, which is there twice for a moment.
type Growth struct {
	Bytes, Files, Peak int64
}

// Growth returns it by folder of the host.
func (s *Set) Growth() (map[string]Growth, error) {
	carried, err := s.Carried(manifest.New)
	if err != nil {
		return nil, err
	}
	growth := map[string]Growth{}
	for _, p := range carried {
		header, err := s.Header(p.File)
		if err != nil {
			return nil, err
		}
		for _, f := range header.Files() {
			if f.IsGhost() || !f.IsRegular() {
				continue
			}
			dir := filepath.Dir(f.Path)
			g := growth[dir]
			g.Bytes += blocks(f.Size)
			g.Files++
			g.Peak = max(g.Peak, blocks(f.Size))
			if info, err := os.Lstat(s.RPM.Path(f.Path)); err == nil && info.Mode().IsRegular() {
				g.Bytes -= blocks(info.Size())
				g.Files--
			}
			growth[dir] = g
		}
	}
	return growth, nil
}

func blocks(size int64) int64 { return (size + 4095) &^ 4095 }

// AllPaths returns every path that the packages of the two releases have on the
// host, sorted: what rpm writes to.
func (s *Set) AllPaths() ([]string, error) {
	both := map[string]bool{}
	for _, side := range []manifest.Side{manifest.Old, manifest.New} {
		paths, err := s.Paths(side)
		if err != nil {
			return nil, err
		}
		for p := range paths {
			both[p] = true
		}
	}
	all := make([]string, 0, len(both))
	for p := range both {
		all = append(all, p)
	}
	sort.Strings(all)
	return all, nil
}
