package packages

import (
	"context"
	"fmt"
	"slices"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/pkgfile"
	"onerpm/payload-scripts/internal/release"
	"onerpm/payload-scripts/internal/rpm"
)

// Early returns the packages that come in prepare: a jump of its own, from nothing to them,
// with a folder of its own. nil when none does. They only add: where their files will be,
// configuration too, is nothing before, so that nothing of it is left on the way back.
func Early(m *manifest.Manifest, dir, folder, root string) *Set {
	s := partOf(m.Early(), dir, folder, root)
	if s != nil {
		s.onlyAdds = true
		for _, service := range m.EarlyServices {
			s.Fills = append(s.Fills, service.Makes...)
		}
	}
	return s
}

// Late returns the packages that go after the commit: a jump of its own, from them to nothing,
// with a folder of its own. nil when none does.
func Late(m *manifest.Manifest, dir, folder, root string) *Set {
	return partOf(m.Late(), dir, folder, root)
}

func partOf(m *manifest.Manifest, dir, folder, root string) *Set {
	if m == nil {
		return nil
	}
	return &Set{Bundle: release.Bundle{Manifest: m, Dir: dir, Had: []string{}}, RPM: rpm.Host{Root: root}, Var: folder}
}

// Conflicting returns what is where the files of packages that only add will be, and those of the
// folders they fill that are there already.
func (s *Set) Conflicting() ([]string, error) {
	theirs, err := s.Paths(manifest.New)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(s.Fills)
	for p, f := range theirs {
		if !f.IsDir() {
			all = append(all, p)
		}
	}
	slices.Sort(all)
	found := []string{}
	for _, p := range all {
		info, err := pkgfile.Stat(s.RPM.Path(p))
		if err != nil {
			return nil, fmt.Errorf("look for files in the way: %w", err)
		}
		if info != nil {
			found = append(found, p)
		}
	}
	return found, nil
}

// litter is what rpm leaves beside a configuration file that somebody changed.
var litter = []string{".rpmnew", ".rpmsave", ".rpmorig"}

// added returns everything of theirs that is on the host, where nothing was before.
func (s *Set) added(ctx context.Context) ([]string, error) {
	theirs, err := s.Paths(manifest.New)
	if err != nil {
		return nil, err
	}
	var candidates []string
	for p, f := range theirs {
		all := []string{p}
		if f.IsConfig() {
			for _, end := range litter {
				all = append(all, p+end)
			}
		}
		for _, p := range all {
			info, err := pkgfile.Stat(s.RPM.Path(p))
			if err != nil {
				return nil, fmt.Errorf("look for what the packages left: %w", err)
			}
			empty := false
			if info != nil && info.Mode.IsDir() {
				if empty, err = pkgfile.IsEmptyDir(s.RPM.Path(p)); err != nil {
					return nil, err
				}
			}
			if info != nil && (empty || !info.Mode.IsDir()) {
				candidates = append(candidates, p)
			}
		}
	}
	return s.RPM.DB().Unowned(ctx, candidates)
}

func names(set []manifest.Package) []string {
	all := make([]string, len(set))
	for i, p := range set {
		all[i] = p.Name
	}
	return all
}
