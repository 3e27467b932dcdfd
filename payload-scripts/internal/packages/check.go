package packages

import (
	"context"
	"fmt"
	"runtime"
	"sort"
	"sync"

	"golang.org/x/sync/errgroup"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/pkgfile"
	"onerpm/payload-scripts/internal/rpm"
)

// Check returns all in which the host differs from side: the set in rpm's
// database, and, once that is right, every file, what an interrupted rpm left,
// and files of the other side that no package owns. Files below state paths and
// what else does not count in the proof are left out.
func (s *Set) Check(ctx context.Context, side manifest.Side) ([]Difference, error) {
	found, err := s.check(ctx, side)
	if err != nil {
		return nil, err
	}
	return hard(found), nil
}

func hard(all []Difference) []Difference {
	var found []Difference
	for _, d := range all {
		if !d.soft {
			found = append(found, d)
		}
	}
	return found
}

func (s *Set) check(ctx context.Context, side manifest.Side) ([]Difference, error) {
	found, err := s.Compare(ctx, side)
	if err != nil || len(found) > 0 {
		return found, err
	}
	files, err := s.Files(ctx, side)
	if err != nil {
		return nil, err
	}
	left, err := s.leftovers(ctx, side)
	return append(files, left...), err
}

// Files compares the files on disk with what side's carried packages say, by
// content, type, mode, owner and link target, sorted by path. Differences that
// do not count in the proof are among them.
func (s *Set) Files(ctx context.Context, side manifest.Side) ([]Difference, error) {
	who, err := s.RPM.Owners()
	if err != nil {
		return nil, err
	}
	want, err := s.expected(side, who)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var found []Difference
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(2, runtime.NumCPU()))
	for _, e := range want {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			got, attr, err := e.Look(s.RPM.Path(e.Path))
			if err != nil || got == "" {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			found = append(found, Difference{
				Kind: File, Package: e.Package, Path: e.Path, Got: got, Want: e.String(), Attr: attr, soft: e.Soft, own: e.Own,
			})
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("look at the files of the packages: %w", err)
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Path < found[j].Path })
	return found, nil
}

// expected is how the files of side's carried packages must be on this host, by path: on
// the old side with what Record noted over what the packages say.
func (s *Set) expected(side manifest.Side, who *rpm.Owners) (map[string]pkgfile.Want, error) {
	all, err := s.Expected(side, who)
	if err != nil || side == manifest.New {
		return all, err
	}
	return all, s.saved().Overlay(all)
}
