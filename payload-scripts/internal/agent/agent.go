// Package agent has the product's agents on other machines upgraded, over the
// product's own REST API, once the new release serves. First some groups as a
// canary, then batches, until all are done or too many failed.
//
// It promises never to ask a group twice for the same: that a group is about to be asked is
// on disk before it is, with the works there were; after a kill the work is looked for
// first. Whoever asked for a work that is under way, it is followed, not asked for again.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"onerpm/internal/manifest"
)

// The questions after a work come quickly at first, as short works are common.
const (
	firstPoll = 200 * time.Millisecond
	lastPoll  = 3 * time.Second
)

// patience is how long the API may be away, while the product is restarted for instance.
const patience = 2 * time.Minute

// Run works on the agents until all are done, too many failed or ctx ends, from
// wherever the record in dir says they are. The record is what it returns too; an error means
// that it could not be worked on, or that ctx ended: then the next Run goes on from it.
func Run(ctx context.Context, spec *manifest.Agents, headers http.Header, dir string) (Record, error) {
	rec, err := Read(dir)
	if err != nil {
		return rec, err
	}
	r := &runner{api: newAPI(spec, headers), book: &book{dir: dir, rec: rec}}
	err = r.run(ctx)
	if ctx.Err() != nil {
		return r.book.record(), ctx.Err()
	}
	saved := r.book.update(func(rec *Record) {
		rec.State, rec.Why, rec.Ended = Done, "", time.Now().UTC().Truncate(time.Millisecond)
		if err != nil {
			rec.State, rec.Why = Stopped, err.Error()
		}
	})
	return r.book.record(), saved
}

// runner is one run. A run begins when the admin, or the upgrade, starts it; a
// killed one that goes on counts its failures anew.
type runner struct {
	api  *api
	book *book

	mu            sync.Mutex
	ended, failed int // groups, in this run
}

func (r *runner) run(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	for {
		next, canary := r.next()
		if len(next) == 0 {
			break
		}
		slog.Info("agents", "groups", len(next), "canary", canary)
		if err := r.batch(ctx, next); err != nil {
			return err
		}
		if canary && r.failed > 0 {
			return fmt.Errorf("the canary failed: %s", r.failures())
		}
		if r.failed*100 > r.api.spec.Stop*r.ended {
			return fmt.Errorf("%d of %d groups failed, more than %d%%: %s", r.failed, r.ended, r.api.spec.Stop, r.failures())
		}
	}
	if err := r.compare(ctx); err != nil {
		return err
	}
	if n, _ := r.book.record().Count(Failed); n > 0 {
		return fmt.Errorf("%d groups failed: %s", n, r.failures())
	}
	return nil
}

// begin finds the groups. Those that failed before wait again, at the end; when it is
// not known whether one was asked, it is looked for first.
func (r *runner) begin(ctx context.Context) error {
	if err := r.compare(ctx); err != nil {
		return err
	}
	return r.book.update(func(rec *Record) {
		if rec.State != Running || rec.Began.IsZero() {
			rec.Began = time.Now().UTC().Truncate(time.Millisecond)
		}
		rec.State, rec.Why, rec.Ended = Running, "", time.Time{}
		for i := range rec.Groups {
			g := &rec.Groups[i]
			if g.State == Failed {
				g.State = Waiting
			}
		}
	})
}

// next chooses the groups to ask: first those that a killed run had asked, then
// the canary one by one, then batches; those that failed in an earlier run come last.
func (r *runner) next() (groups []Group, canary bool) {
	var open, fresh, again []Group
	proven := 0 // groups that were asked and did well
	for _, g := range r.book.record().Groups {
		switch {
		case g.State == Asking, g.State == Asked:
			open = append(open, g)
		case g.State == Upgraded && g.Asked > 0:
			proven++
		case g.State == Waiting && g.Asked == 0:
			fresh = append(fresh, g)
		case g.State == Waiting:
			again = append(again, g)
		}
	}
	if len(open) > 0 {
		return open, proven < r.api.spec.Canary
	}
	waiting := slices.Concat(fresh, again)
	size := r.api.spec.Batch
	if canary = proven < r.api.spec.Canary; canary {
		size = 1
	}
	return waiting[:min(size, len(waiting))], canary
}

// batch upgrades groups side by side. A group that fails is in the record; an
// error ends the run.
func (r *runner) batch(ctx context.Context, groups []Group) error {
	errs := make([]error, len(groups))
	var all sync.WaitGroup
	for i, g := range groups {
		all.Go(func() { errs[i] = r.upgrade(ctx, g) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (r *runner) upgrade(ctx context.Context, g Group) error {
	g, err := r.ask(ctx, g)
	if err == nil {
		err = r.follow(ctx, g)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failure := ""
	if err != nil {
		failure = err.Error()
		slog.Error("agents", "group", g.String(), "error", failure)
	} else {
		slog.Info("agents upgraded", "group", g.String(), "agents", g.Agents)
	}
	_, saved := r.book.set(g, func(g *Group) {
		g.State, g.Error = Upgraded, failure
		if failure != "" {
			g.State = Failed
		}
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended++
	if err != nil {
		r.failed++
	}
	return saved
}

// failures names the groups that failed, the first ones by what they said.
func (r *runner) failures() string {
	const shown = 3
	said, more := "", 0
	for _, g := range r.book.record().Groups {
		if g.State != Failed {
			continue
		}
		if more++; more <= shown {
			said += fmt.Sprintf("\n%s: %s", g, g.Error)
		}
	}
	if more > shown {
		said += fmt.Sprintf("\nand %d more", more-shown)
	}
	return said
}

// retryUnreachable asks again while the API is away.
func (r *runner) retryUnreachable(ctx context.Context, question func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := question()
		if err == nil || refused(err) || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		slog.Warn("agents: the API does not answer", "error", err)
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func ids(works []work) []string {
	var all []string
	for _, w := range works {
		all = append(all, w.id)
	}
	slices.Sort(all)
	return all
}
