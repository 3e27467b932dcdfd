package packages

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"sort"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/internal/pkgfile"
)

// temporary is how rpm names a file before it has its whole content: the
// file's name, a semicolon and the transaction's number.
var temporary = regexp.MustCompile(`^(.+);[0-9a-f]{8}$`)

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
	found, err := s.temporaries(mine, theirs)
	if err != nil {
		return nil, err
	}
	strays, err := s.strays(ctx, side, mine, theirs)
	return append(found, strays...), err
}

func (s *Set) temporaries(sets ...map[string]rpmfile.FileInfo) ([]Difference, error) {
	dirs := map[string]map[string]bool{}
	for _, set := range sets {
		for p := range set {
			dir, base := path.Split(p)
			if dirs[dir] == nil {
				dirs[dir] = map[string]bool{}
			}
			dirs[dir][base] = true
		}
	}
	var found []Difference
	for dir, names := range dirs {
		entries, err := pkgfile.ReadDir(s.RPM.Path(dir))
		if err != nil {
			return nil, fmt.Errorf("look for what rpm left: %w", err)
		}
		for _, e := range entries {
			m := temporary.FindStringSubmatch(e.Name())
			if m != nil && names[m[1]] && (e.Type().IsRegular() || e.Type() == fs.ModeSymlink) {
				found = append(found, Difference{Kind: Temporary, Path: dir + e.Name()})
			}
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Path < found[j].Path })
	return found, nil
}

// strays returns what exists of theirs alone: files that are theirs by content or
// empty, and empty folders, when no package owns them. The deepest come first.
func (s *Set) strays(ctx context.Context, side manifest.Side, mine, theirs map[string]rpmfile.FileInfo) ([]Difference, error) {
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
	unowned, err := s.RPM.DB().Unowned(ctx, candidates)
	if err != nil {
		return nil, err
	}
	sort.Sort(sort.Reverse(sort.StringSlice(unowned)))
	var found []Difference
	for _, p := range unowned {
		found = append(found, Difference{Kind: Stray, Path: p})
	}
	return found, nil
}

// isTheirs reports whether what is at p on the host is what f describes.
func (s *Set) isTheirs(p string, f rpmfile.FileInfo) (bool, error) {
	if f.IsDir() {
		return pkgfile.IsEmptyDir(s.RPM.Path(p))
	}
	comparer := &pkgfile.Comparer{Root: s.RPM.Root}
	w := pkgfile.Want{Path: p, Mode: f.FileMode(), Size: f.Size, Digest: f.Digest, Algo: f.DigestAlgo, Link: f.LinkTo, Lax: true}
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
