package agent

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// ask has a work for the group: one that is under way, one that an earlier
// process asked for, or a new one.
func (r *runner) ask(ctx context.Context, g Group) (Group, error) {
	if g.State == Asked {
		return g, nil
	}
	var found []work
	err := r.retryUnreachable(ctx, func() (err error) { found, err = r.api.works(ctx, g); return err })
	if err != nil {
		return g, err
	}
	if w, is := r.ownWork(g, found); is {
		slog.Info("agents: the work is there already", "group", g.String(), "work", w.id)
		return r.asked(g, w)
	}
	g, err = r.book.set(g, func(g *Group) {
		g.State, g.Known, g.Work, g.Error = Asking, ids(found), "", ""
		g.Began = time.Now().UTC().Truncate(time.Millisecond)
	})
	if err != nil {
		return g, err
	}
	w, err := r.api.ask(ctx, g)
	if err == nil {
		return r.asked(g, w)
	}
	// The answer was lost, or somebody else was first.
	if lookErr := r.retryUnreachable(ctx, func() (err error) { found, err = r.api.works(ctx, g); return err }); lookErr != nil {
		return g, fmt.Errorf("%w; and then %w", err, lookErr)
	}
	if w, is := r.ownWork(g, found); is {
		return r.asked(g, w)
	}
	return g, err
}

// ownWork picks out of a group's works the one to follow: for a group that may have been
// asked, one that was not there before; for any group one that is under way.
func (r *runner) ownWork(g Group, found []work) (work, bool) {
	for _, w := range found {
		if !r.api.ended(w) {
			return w, true
		}
	}
	if g.Work == "" && !g.Began.IsZero() {
		for _, w := range found {
			if !slices.Contains(g.Known, w.id) {
				return w, true
			}
		}
	}
	return work{}, false
}

func (r *runner) asked(g Group, w work) (Group, error) {
	return r.book.set(g, func(g *Group) {
		g.State, g.Work = Asked, w.id
		g.Asked++
		if g.Began.IsZero() {
			g.Began = time.Now().UTC().Truncate(time.Millisecond)
		}
	})
}

// follow waits for the end of a group's work.
func (r *runner) follow(ctx context.Context, g Group) error {
	within := r.api.spec.Work.Within.D()
	deadline := time.Now().Add(within)
	for wait := firstPoll; ; wait = min(2*wait, lastPoll) {
		w, err := r.api.look(ctx, g)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case refused(err):
			return err
		case err == nil && slices.Contains(r.api.spec.Work.Done, w.status):
			return nil
		case err == nil && r.api.ended(w):
			return fmt.Errorf("work %s ended as %s: %s", w.id, w.status, w.failure)
		case err == nil:
			err = fmt.Errorf("work %s is %s", w.id, w.status)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no end after %s: %w", within, err)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}
