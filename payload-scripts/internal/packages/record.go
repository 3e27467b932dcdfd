package packages

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/pkgfile"
)

// Record notes, and saves, what Converge(Old) must restore besides the old
// packages themselves: their files that are changed or missing on this host, and
// files that lie where the new packages have theirs. Configuration and state
// are not looked at. It is called before anything changes; that the old set is
// installed is demanded. It returns the paths. It also reads the bundle's packages once, so
// that Converge need not do so in the window.
func (s *Set) Record(ctx context.Context) ([]string, error) {
	if differs, err := s.Compare(ctx, manifest.Old); err != nil || len(differs) > 0 {
		return nil, errors.Join(err, asError(manifest.Old, differs))
	}
	if s.onlyAdds {
		found, err := s.Conflicting()
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			return nil, fmt.Errorf("these are there before the packages that bring them; move them away: %s", strings.Join(found, ", "))
		}
	}
	for _, side := range []manifest.Side{manifest.Old, manifest.New} {
		if err := s.Verify(ctx, side); err != nil {
			return nil, err
		}
	}
	who, err := s.RPM.Owners()
	if err != nil {
		return nil, err
	}
	if err := s.accounts().Note(who.Names()); err != nil {
		return nil, err
	}
	want, err := s.Expected(manifest.Old, who)
	if err != nil {
		return nil, err
	}
	theirs, err := s.Paths(manifest.New)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(want, func(p string, _ pkgfile.Want) bool { return s.InState(p) || theirs[p].IsGhost() })
	var others []string
	for p, f := range theirs {
		if !s.Merged(p) && !s.InState(p) && !f.IsConfig() && !f.IsGhost() {
			others = append(others, p)
		}
	}
	toCome := slices.Collect(maps.Keys(theirs))
	for _, p := range s.Fills {
		toCome = append(toCome, path.Join(p, "all that is in it"))
	}
	return s.saved().Save(ctx, want, others, toCome)
}
