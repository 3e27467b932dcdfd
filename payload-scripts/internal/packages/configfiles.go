package packages

import (
	"sort"

	"onerpm/internal/manifest"
)

// ConfigFiles returns the %config files of the packages that the jump adds,
// changes or removes, but for those that the manifest's configuration names:
// rpm decides about them on the way forward, and the way back restores them.
func (s *Set) ConfigFiles() ([]string, error) {
	found := map[string]bool{}
	for _, side := range []manifest.Side{manifest.Old, manifest.New} {
		all, err := s.paths(side)
		if err != nil {
			return nil, err
		}
		for path, f := range all {
			if f.IsConfig() && !s.merged(path) {
				found[path] = true
			}
		}
	}
	paths := make([]string, 0, len(found))
	for path := range found {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	return paths, nil
}
