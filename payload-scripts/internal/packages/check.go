package packages

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sort"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
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
		if !d.unproved {
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
	want, err := s.expected(ctx, side)
	if err != nil {
		return nil, err
	}
	comparer := &pkgfile.Comparer{Root: s.RPM.Root}
	var mu sync.Mutex
	var found []Difference
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(2, runtime.NumCPU()))
	for _, e := range want {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			got, attr, err := comparer.Compare(e)
			if err != nil || got == "" {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			found = append(found, Difference{
				Kind: File, Package: e.Package, Path: e.Path, Got: got, Want: e.String(), Attr: attr, unproved: e.Unproved, fromHost: e.FromHost,
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

// Attributes returns the files of the old packages that have capabilities, ACLs and other
// extended attributes which no package gave them, each with their names, sorted.
func (s *Set) Attributes(ctx context.Context) ([]string, error) {
	want, err := s.expected(ctx, manifest.Old)
	if err != nil {
		return nil, err
	}
	comparer := &pkgfile.Comparer{Root: s.RPM.Root}
	var found []string
	for _, w := range want {
		extra, err := comparer.Extra(w)
		if link := (*host.LinkError)(nil); err != nil && !errors.As(err, &link) {
			return nil, fmt.Errorf("look at the files of the packages: %w", err)
		}
		if len(extra) > 0 {
			found = append(found, w.Path+" ("+strings.Join(extra, ", ")+")")
		}
	}
	sort.Strings(found)
	return found, nil
}

// expected is how the files of side's carried packages must be on this host, by path: without
// those that rpm left out of the installed packages, and on the old side with what Record
// noted over what the packages say.
func (s *Set) expected(ctx context.Context, side manifest.Side) (map[string]pkgfile.Want, error) {
	who, err := s.RPM.Owners()
	if err != nil {
		return nil, err
	}
	all, err := s.Expected(side, who)
	if err != nil {
		return nil, err
	}
	if err := s.dropLeftOut(ctx, side, all); err != nil {
		return nil, err
	}
	if side == manifest.New {
		return all, s.edited().Overlay(all)
	}
	return all, s.saved().Overlay(all)
}

// noteEdits notes what scriptlets made of the new packages' own files, right after rpm has
// put all of them in place and no scriptlet failed. Without it every host whose packages
// edit their files, as rpm -V would tell of, would be taken for damaged.
func (s *Set) noteEdits(ctx context.Context) error {
	runs, err := s.RunsScripts(manifest.New)
	if err != nil || !runs {
		return err
	}
	if differs, err := s.Compare(ctx, manifest.New); err != nil || len(differs) > 0 {
		return err // the proof tells
	}
	differs, err := s.Files(ctx, manifest.New)
	if err != nil {
		return err
	}
	var paths []string
	for _, d := range hard(differs) {
		paths = append(paths, d.Path)
	}
	if len(paths) == 0 {
		return nil
	}
	slog.Info("files of packages that scriptlets changed", "paths", paths)
	return s.edited().Note(paths)
}

// dropLeftOut takes away the files that rpm did not put on this host, or whose place a file of
// another package has: languages and documentation that the host does not want, shared file
// systems. rpm's database knows them, whatever told rpm so.
func (s *Set) dropLeftOut(ctx context.Context, side manifest.Side, all map[string]pkgfile.Want) error {
	carried, err := s.Carried(side)
	if err != nil {
		return err
	}
	names, err := s.carriedNames(side)
	if err != nil {
		return err
	}
	states, err := s.states(ctx, names)
	if err != nil {
		return err
	}
	for _, p := range carried {
		header, err := s.Header(p.File)
		if err != nil {
			return err
		}
		files := pkgfile.Files(header)
		if len(files) != len(states[p.Name]) {
			continue // not this very package is installed
		}
		for i, f := range files {
			if states[p.Name][i] != rpm.Normal && all[f.Path].Package == p.Name {
				delete(all, f.Path)
			}
		}
	}
	return nil
}
