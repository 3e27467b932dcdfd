package packages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/paths"
	"onerpm/payload-scripts/internal/pkgfile"
)

// Obstacles are what rpm or the engine would stumble over at the paths of the packages.
type Obstacles struct {
	Replaced []string // files that no package owns where the new packages have theirs; the upgrade replaces them, the way back restores them
	Blocked  []string // folders where a package has a file, or the other way round; rpm fails on them
	Links    []string // why the links on the way to files of the packages are not followed, one for each
	Mounted  []string // files of the packages that are mounts of their own: rpm cannot put another file in their place
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
	all, err := s.AllPaths()
	if err != nil {
		return o, err
	}
	mounts, err := paths.Mounts()
	if err != nil {
		return o, err
	}
	mounted := map[string]bool{}
	for _, m := range mounts {
		mounted[m.Point] = true
	}
	var candidates []string
	for _, p := range all {
		f, isNew := theirs[p]
		was, isOld := old[p]
		if s.Merged(p) || f.IsGhost() || was.IsGhost() {
			continue
		}
		is, err := kindOf(s.RPM.Path(p), f.IsDir() || was.IsDir())
		if link := (*host.LinkError)(nil); errors.As(err, &link) {
			o.Links = append(o.Links, link.Error())
			continue
		}
		if err != nil {
			return o, fmt.Errorf("look for files in the way: %w", err)
		}
		switch {
		case is == nothing:
		case is == file && mounted[s.RPM.Path(p)]:
			o.Mounted = append(o.Mounted, p)
		case !isNew:
		case f.IsDir() != (is == folder) && (!isOld || was.IsDir() != (is == folder)):
			o.Blocked = append(o.Blocked, p)
		case !isOld && is == file && !s.InState(p) && !f.IsConfig():
			candidates = append(candidates, p)
		}
	}
	sort.Strings(o.Links)
	o.Links = slices.Compact(o.Links)
	o.Replaced, err = s.RPM.DB().Unowned(ctx, candidates)
	return o, err
}

// kind is what is at a path, as rpm sees it.
type kind int

const (
	nothing kind = iota
	file
	folder
)

// kindOf looks at a path. Where a package has a folder, a link of root's to a folder is one.
func kindOf(path string, wantsFolder bool) (kind, error) {
	info, err := pkgfile.Stat(path)
	switch {
	case err != nil || info == nil:
		return nothing, err
	case info.Mode.IsDir():
		return folder, nil
	case wantsFolder && info.Mode.Type() == fs.ModeSymlink:
		if is, err := pkgfile.IsFolder(path); is || err != nil {
			return folder, err
		}
	}
	return file, nil
}

// Growth tells how many bytes and files the new release's packages need in each
// folder beyond what is there, in blocks of 4 KiB: a file that is replaced gives
// its room back, what only the old release has does so at the end and does
// not count. Of several hard links one counts. Peak is the size of the largest file,
// which is there twice for a moment.
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
	replaced := map[[2]uint64]bool{}
	for _, p := range carried {
		header, err := s.Header(p.File)
		if err != nil {
			return nil, err
		}
		brought := map[[2]uint64]bool{}
		for _, f := range header.Files() {
			if f.IsGhost() || !f.IsRegular() {
				continue
			}
			dir := path.Dir(f.Path)
			g := growth[dir]
			// A header of old has no numbers: then every name is a file of its own.
			if id := [2]uint64{f.Device, f.Inode}; f.Inode == 0 || !brought[id] {
				brought[id] = true
				g.Bytes += blocks(f.Size)
				g.Files++
				g.Peak = max(g.Peak, blocks(f.Size))
			}
			info, err := pkgfile.Stat(s.RPM.Path(f.Path))
			if err == nil && info != nil && info.Mode.Type() == fs.FileMode(0) && !replaced[info.Inode] {
				replaced[info.Inode] = true
				g.Bytes -= blocks(info.Size)
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
		files, err := s.Paths(side)
		if err != nil {
			return nil, err
		}
		for p := range files {
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
