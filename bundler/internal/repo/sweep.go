package repo

import (
	"context"
	"slices"
	"strings"
	"time"
)

// sweep removes what nobody needs any more, when it is the first publisher of the day in any channel: a
// look at everything costs more the more there is.
func (r *Repo) sweep(ctx context.Context) error {
	all, err := r.states(ctx)
	if err != nil {
		return err
	}
	today, most := stamp(r.now())[:len(time.DateOnly)], 0
	for _, g := range all { // one publisher may have been in several channels
		n := 0
		for _, s := range g.index.Superseded {
			if strings.HasPrefix(s.At, today) {
				n++
			}
		}
		most = max(most, n)
	}
	if most != 1 {
		return nil
	}
	return r.Sweep(ctx)
}

// Sweep removes generations that were superseded, bundles that no channel names and uploads that were never finished, all of them
// when they are older than a week.
//
// A bundle that was uploaded long ago and is published only now could be taken by it: therefore what is
// named is looked up again for every single one, and a publisher looks, after everybody sees the bundle, whether it is there.
func (r *Repo) Sweep(ctx context.Context) error {
	before := r.now().Add(-keep)
	for _, c := range Channels {
		if err := r.sweepGenerations(ctx, c, before); err != nil {
			return err
		}
	}
	if err := r.sweepPlain(ctx, before); err != nil {
		return err
	}
	old, err := r.olderThan(ctx, "packages/", before)
	if err != nil {
		return err
	}
	for sum, names := range old {
		used, err := r.references(ctx)
		if err != nil {
			return err
		}
		if used[sum] {
			continue
		}
		if err := r.remove(ctx, names); err != nil {
			return err
		}
	}
	_, err = r.store.Tidy(ctx, before)
	return err
}

func (r *Repo) sweepGenerations(ctx context.Context, channel string, before time.Time) error {
	old, err := r.olderThan(ctx, channel+"/g/", before)
	if err != nil || len(old) == 0 {
		return err
	}
	g, err := r.current(ctx, channel) // after the list: what came later is not in it
	if err != nil || g.index == nil {
		return err
	}
	delete(old, g.id)
	for _, s := range g.index.Superseded {
		if at, err := time.Parse(time.RFC3339, s.At); err != nil || at.After(before) {
			delete(old, s.ID)
		}
	}
	for id, names := range old {
		if err := r.remove(ctx, slices.Insert(names, 0, publishedName(channel, id))); err != nil {
			return err
		}
	}
	return nil
}

// olderThan lists the folders below at in which everything was put before a time, with their files.
func (r *Repo) olderThan(ctx context.Context, at string, before time.Time) (map[string][]string, error) {
	folders, young := map[string][]string{}, map[string]bool{}
	for info, err := range r.store.List(ctx, at) {
		if err != nil {
			return nil, err
		}
		folder, _, ok := strings.Cut(strings.TrimPrefix(info.Name, at), "/")
		if !ok || !sumGrammar.MatchString(folder) {
			continue // somebody else's
		}
		folders[folder] = append(folders[folder], info.Name)
		if !info.Modified.Before(before) {
			young[folder] = true
		}
	}
	for folder := range young {
		delete(folders, folder)
	}
	return folders, nil
}

func (r *Repo) remove(ctx context.Context, names []string) error {
	for _, name := range names {
		if err := r.store.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
