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

// The questions after a work come quickly at first, as short works are common.
const (
	firstPoll = 200 * time.Millisecond
	lastPoll  = 3 * time.Second
)

// follow waits for the end of a group's work.
func (r *runner) follow(ctx context.Context, g Group) error {
	return r.followUntil(ctx, g, time.Now().Add(r.api.Spec.Work.Within.D()), nil)
}

// followUntil follows a work of a group of which lost works were followed before.
func (r *runner) followUntil(ctx context.Context, g Group, deadline time.Time, lost []string) error {
	missing := 0 // answers, one after the other, that there is no such work
	for wait := firstPoll; ; wait = min(2*wait, lastPoll) {
		w, err := r.api.Look(ctx, g.api(), g.Work)
		if missing++; agentapi.StatusOf(err) != http.StatusNotFound {
			missing = 0
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case missing > agentapi.Again:
			return r.withoutWork(ctx, g, deadline, append(lost, g.Work))
		case missing > 0:
		case agentapi.Locked(err):
			return &closedError{fmt.Errorf("follow work %s of %s: %w", g.Work, g, err)}
		case agentapi.Refused(err):
			return fmt.Errorf("follow work %s: %w", g.Work, err)
		case err == nil && r.api.Well(w):
			return nil
		case err == nil && r.api.Ended(w):
			return fmt.Errorf("work %s ended as %s: %s", w.ID, w.Status, w.Failure)
		case err == nil:
			err = fmt.Errorf("work %s is %s", w.ID, w.Status)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no end after %s: %w", r.api.Spec.Work.Within.D(), err)
		}
		next := wait
		if after := agentapi.PauseOf(err); after > 0 {
			next = min(after, r.api.Patience.Server)
		}
		if err := agentapi.Pause(ctx, next); err != nil {
			return err
		}
	}
}

// withoutWork waits for the agents of a group to be upgraded by a work that the product does not know any more. One that it
// knows instead is followed, until the same deadline.
func (r *runner) withoutWork(ctx context.Context, g Group, deadline time.Time, lost []string) error {
	until := deadline
	if patience := time.Now().Add(r.api.Patience.Lost); patience.Before(deadline) {
		until = patience
	}
	slog.Warn("agents: the product does not know the work", "group", g.String(), "work", g.Work)
	for wait := r.api.Patience.Look; ; wait *= 2 {
		found, there, err := r.find(ctx, g)
		if err != nil {
			return err
		}
		if there && found.agents > 0 && found.old == 0 {
			return nil
		}
		works, err := r.api.Works(ctx, g.api())
		if err != nil {
			return err
		}
		for _, w := range works {
			if !r.api.Ended(w) && !slices.Contains(lost, w.ID) {
				g, err := r.book.set(g, func(g *Group) { g.Work = w.ID })
				if err != nil {
					return err
				}
				return r.followUntil(ctx, g, deadline, lost)
			}
		}
		if time.Now().Add(wait).After(until) {
			return fmt.Errorf("the product does not know work %s any more, and %d of %d agents are not of version %s; see in the product's log what became of it",
				g.Work, found.old, found.agents, r.api.Spec.Groups.Becomes)
		}
		if err := agentapi.Pause(ctx, wait); err != nil {
			return err
		}
	}
}
