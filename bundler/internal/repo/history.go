package repo

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/store"
)

// Who can write to the store, or restores a backup of it, can put an old pointer back without any key: what it names was
// signed once. What is published on top of that would be signed anew, so a publisher looks first whether there was a later
// state. A file <channel>/published/<id> tells: it is put for each generation once it is the current one, and has
// the pointer's line. Who takes the store back together with all of these is not noticed.

func publishedName(channel, id string) string { return channel + "/published/" + id }

// prepareWrite comes before every change of a store: it checks that the store keeps the promises that publishers rely on, and
// that nobody has put an older state back.
func (r *Repo) prepareWrite(ctx context.Context) error {
	if err := r.refuseMirror(ctx); err != nil {
		return err
	}
	if !r.probed {
		if err := store.Probe(ctx, r.store); err != nil {
			return err
		}
		r.probed = true
	}
	all, err := r.latest(ctx)
	if err != nil {
		return err
	}
	before := ""
	for _, c := range Channels {
		g, is := all[c]
		if !is {
			continue
		}
		// Who made it the current one may have been killed before it was noted.
		if err := r.notePublished(ctx, c, g.id, g.index.Base); err != nil {
			return err
		}
		before = g.index.Base
	}
	if err := CheckBase(r.base(before)); err != nil {
		return exit.With(exit.Usage, fmt.Errorf("customers could not read it: %w", err), "publish to another folder or prefix, or say where customers read it: --url")
	}
	return nil
}

// notePublished notes that a generation was made the current one.
func (r *Repo) notePublished(ctx context.Context, channel, id, base string) error {
	name, line := publishedName(channel, id), []byte(pointerLine(channel, id, base))
	_, err := r.put(ctx, name, line, store.PutOptions{Immutable: true})
	if errors.Is(err, store.ErrConflict) { // somebody damaged it
		_, err = r.put(ctx, name, line, store.PutOptions{})
	}
	return err
}

// latest returns what the pointers of all channels name. It is an error when that is not the latest that they named.
func (r *Repo) latest(ctx context.Context) (map[string]generation, error) {
	published := map[string][]string{} // read before the pointers, so that these are not older, whoever publishes meanwhile
	for _, c := range Channels {
		for info, err := range r.store.List(ctx, publishedName(c, "")) {
			if err != nil {
				return nil, err
			}
			published[c] = append(published[c], path.Base(info.Name))
		}
	}
	all, err := r.states(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range Channels {
		if err := r.isLatest(ctx, c, all[c], published[c]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// isLatest holds the state of a channel against the generations that were published in it.
func (r *Repo) isLatest(ctx context.Context, channel string, g generation, published []string) error {
	follows := g.index != nil && slices.ContainsFunc(published, func(id string) bool { return id == g.id || g.index.follows(id) })
	var last *Index // of those that do not come before g
	lastID := ""
	for _, id := range published {
		if !sumGrammar.MatchString(id) || g.index != nil && (id == g.id || g.index.follows(id)) {
			continue
		}
		x, err := r.index(ctx, channel, id)
		if exit.Code(err) == exit.Published {
			continue // it was swept, or is nothing that the key signed
		}
		if err != nil {
			return err
		}
		later := g.index == nil || !follows || x.follows(g.id) || x.Created > g.index.Created
		if later && (last == nil || x.follows(lastID) || x.Created > last.Created) {
			last, lastID = x, id
		}
	}
	if last == nil {
		return nil
	}
	what := pointerName(channel) + " is gone"
	if g.index != nil {
		what = fmt.Sprintf("%s names a state of %s", pointerName(channel), g.index.Created)
	}
	line := strings.TrimSpace(pointerLine(channel, lastID, last.Base))
	return exit.Errorf(exit.Published, "find out who changed the store; to go on from the later state, put the line "+line+" back into "+pointerName(channel),
		"%s, and the channel had a later one, of %s (%s): an older state was put back", what, last.Created, since(g.index, last))
}

// since tells what happened between two states, nil for none, for people.
func since(earlier, later *Index) string {
	if earlier == nil {
		earlier = &Index{}
	}
	var said []string
	for _, b := range later.Bundles {
		if earlier.Bundle(b.NEVRA) == nil {
			said = append(said, b.NEVRA+" was published")
		}
	}
	for _, w := range later.Withdrawn {
		if earlier.withdrawn(w.NEVRA) == nil {
			said = append(said, w.NEVRA+" was withdrawn")
		}
	}
	const most = 4
	if n := len(said) - most; n > 0 {
		said = append(said[:most], fmt.Sprintf("and %d more", n))
	}
	if said == nil {
		return "with the same bundles"
	}
	return strings.Join(said, ", ")
}
