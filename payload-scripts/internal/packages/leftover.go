package packages

import (
	"context"
	"fmt"
	"sort"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/internal/pkgfile"
)

// leftovers returns the temporaries beside the files of both sides, and the
// files that only the other side has and that no package owns.
func (s *Set) leftovers(ctx context.Context, side manifest.Side) ([]Difference, error) {
	mine, err := s.Paths(side)
	if err != nil {
		return nil, err
	}
	theirs, err := s.Paths(other(side))
	if err != nil {
		return nil, err
	}
	temporaries, err := pkgfile.Temporaries(s.RPM.Root, mine, theirs)
	if err != nil {
		return nil, err
	}
	var found []Difference
	for _, p := range temporaries {
		found = append(found, Difference{Kind: Temporary, Path: p})
	}
	var strays []string
	if s.onlyAdds && side == manifest.Old {
		strays, err = s.added(ctx)
	} else {
		strays, err = s.strays(ctx, side, mine, theirs)
	}
	sort.Sort(sort.Reverse(sort.StringSlice(strays))) // the deepest come first
	for _, p := range strays {
		found = append(found, Difference{Kind: Stray, Path: p})
	}
	return found, err
}

// strays returns what exists of theirs alone: files that are theirs by content or
// empty, and empty folders, when no package owns them.
func (s *Set) strays(ctx context.Context, side manifest.Side, mine, theirs map[string]rpmfile.FileInfo) ([]string, error) {
	kept := map[string]pkgfile.Want{}
	if side == manifest.Old {
		if err := s.saved().Overlay(kept); err != nil {
			return nil, err
		}
	}
	var candidates []string
	for p, f := range theirs {
		_, isMine := mine[p]
		_, isKept := kept[p]
		if isMine || isKept || f.IsConfig() || f.IsGhost() || s.Merged(p) || s.InState(p) {
			continue
		}
		is, err := s.isTheirs(p, f)
		if err != nil {
			return nil, err
		}
		if is {
			candidates = append(candidates, p)
		}
	}
	return s.RPM.DB().Unowned(ctx, candidates)
}

// isTheirs reports whether what is at p on the host is what f describes.
func (s *Set) isTheirs(p string, f rpmfile.FileInfo) (bool, error) {
	if f.IsDir() {
		return pkgfile.IsEmptyDir(s.RPM.Path(p))
	}
	comparer := &pkgfile.Comparer{Root: s.RPM.Root}
	w := pkgfile.Want{Path: p, Mode: pkgfile.GoMode(f.Mode), Size: f.Size, Digest: f.Digest, Algo: f.DigestAlgo, Link: f.LinkTo, IgnoreAttr: true}
	got, _, err := comparer.Compare(w)
	if got == pkgfile.Empty && err == nil && f.IsRegular() {
		return true, nil // a power cut empties what was not synced
	}
	return got == "", err
}

// clean removes leftovers. A folder that has been filled meanwhile stays.
func (s *Set) clean(left []Difference) error {
	for _, d := range left {
		if d.Kind != Temporary && d.Kind != Stray {
			continue
		}
		if err := pkgfile.Remove(s.RPM.Path(d.Path)); err != nil {
			return fmt.Errorf("remove what rpm left: %w", err)
		}
	}
	return nil
}
