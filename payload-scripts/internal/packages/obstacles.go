package packages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
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

// Growth tells by folder of the host what the new release's packages need.
func (s *Set) Growth() (map[string]pkgfile.Growth, error) {
	carried, err := s.Carried(manifest.New)
	if err != nil {
		return nil, err
	}
	headers := make([]*rpmfile.Header, len(carried))
	for i, p := range carried {
		if headers[i], err = s.Header(p.File); err != nil {
			return nil, err
		}
	}
	return pkgfile.GrowthOf(s.RPM.Root, headers), nil
}

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
