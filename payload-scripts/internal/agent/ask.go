package agent

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"onerpm/payload-scripts/internal/agentapi"
)

// ask has a work for the group: one that is under way, one that an earlier
// process asked for, or a new one.
func (r *runner) ask(ctx context.Context, g Group) (Group, error) {
	if g.State == Asked {
		return g, nil
	}
	open := g.State == Asking // an earlier process may have asked, and what it asked for may not show yet
	for t := r.api.Attempts(); ; {
		found, err := r.works(ctx, g, open)
		if err != nil {
			return g, err
		}
		if w, is := r.ownWork(g, found); is {
			slog.Info("agents: the work is there already", "group", g.String(), "work", w.ID)
			return r.asked(g, w)
		}
		g, err = r.book.set(g, func(g *Group) {
			g.State, g.Known, g.Work, g.Error, g.Began = Asking, ids(found), "", "", now()
		})
		if err != nil {
			return g, err
		}
		w, err := r.api.Ask(ctx, g.api())
		if err == nil {
			return r.asked(g, w)
		}
		if err = fmt.Errorf("ask for the upgrade of %s: %w", g, err); ctx.Err() != nil {
			return g, ctx.Err()
		}
		switch {
		case agentapi.StatusOf(err) == http.StatusUnauthorized:
			return r.notAsked(g, err)
		case agentapi.StatusOf(err) == http.StatusNotFound, agentapi.NotBegun(err):
			open = false
		case agentapi.CutOff(err):
			open = true
		default: // somebody else may have been first; what may still be under way must not be asked again
			return r.adopt(ctx, g, err)
		}
		if err := t.Wait(ctx, err); err != nil {
			return g, err
		}
	}
}

// works finds the works of a group. Where one may be about to show, that is waited for.
func (r *runner) works(ctx context.Context, g Group, open bool) ([]agentapi.Work, error) {
	lag := r.api.Patience.Lag
	until := time.Now().Add(min(lag-time.Since(g.Began), lag)) // the clock may have been set since it was asked
	for {
		found, err := r.api.Works(ctx, g.api())
		if agentapi.Locked(err) {
			return nil, &closedError{err}
		}
		left := time.Until(until)
		if _, is := r.ownWork(g, found); err != nil || is || !open || left <= 0 {
			return found, err
		}
		if err := agentapi.Pause(ctx, min(left, r.api.Patience.First)); err != nil {
			return nil, err
		}
	}
}

// adopt finds the work of a group whose question was answered with an error; without one the error is it.
func (r *runner) adopt(ctx context.Context, g Group, err error) (Group, error) {
	found, lookErr := r.works(ctx, g, !agentapi.Refused(err))
	if lookErr != nil {
		return g, fmt.Errorf("%w; and then %w", err, lookErr)
	}
	if w, is := r.ownWork(g, found); is {
		return r.asked(g, w)
	}
	return g, err
}

// notAsked puts a group back whose question was surely not taken, because we are not let in.
func (r *runner) notAsked(g Group, why error) (Group, error) {
	g, err := r.book.set(g, func(g *Group) { g.State = Waiting })
	if err != nil {
		return g, err
	}
	return g, &closedError{why}
}

// ownWork picks out of a group's works the one to follow: for a group that may have been
// asked, one that was not there before; for any group one that is under way.
func (r *runner) ownWork(g Group, found []agentapi.Work) (agentapi.Work, bool) {
	for _, w := range found {
		if !r.api.Ended(w) {
			return w, true
		}
	}
	if g.Work == "" && !g.Began.IsZero() {
		for _, w := range found {
			if !slices.Contains(g.Known, w.ID) {
				return w, true
			}
		}
	}
	return agentapi.Work{}, false
}

func (r *runner) asked(g Group, w agentapi.Work) (Group, error) {
	return r.book.set(g, func(g *Group) {
		g.State, g.Work = Asked, w.ID
		g.Asked++
		if g.Began.IsZero() {
			g.Began = now()
		}
	})
}

func ids(works []agentapi.Work) []string {
	var all []string
	for _, w := range works {
		all = append(all, w.ID)
	}
	slices.Sort(all)
	return all
}
