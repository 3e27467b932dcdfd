// Package agent has the product's agents on other machines upgraded, over the
// product's own REST API, once the new release serves. First some groups as a
// canary, then batches, until a look at all of them shows none that waits, or too many failed.
//
// It promises never to ask a group twice for the same: that a group is about to be asked is
// on disk before it is, with the works there were; after a kill the work is looked for
// first. Whoever asked for a work that is under way, it is followed, not asked for again.
// It trusts no single answer: lists are read to their end and again when they
// changed meanwhile, and a group is forgotten only when the product does not know it by its name.
// It holds one item of a list at a time, and makes fewer than 100 requests a second.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/agentapi"
	"onerpm/payload-scripts/internal/host"
)

// Run works on the agents until all are done, too many failed or ctx ends, from
// wherever the record in dir says they are. The record is what it returns too; an error means
// that it could not be worked on, or that ctx ended: then the next Run goes on from it.
func Run(ctx context.Context, spec *manifest.Agents, headers http.Header, dir string) (Record, error) {
	rec, err := Read(dir)
	if err != nil {
		return rec, err
	}
	if err := host.Sweep(filepath.Join(dir, File)); err != nil {
		return rec, err
	}
	r := &runner{api: agentapi.New(spec, headers), book: &book{dir: dir, rec: rec}}
	return r.end(ctx, r.run(ctx))
}

// runner is one run.
type runner struct {
	api  *agentapi.API
	book *book

	mu      sync.Mutex
	closed  map[string]error // tenants that the last look could not look at: nobody is asked there
	refused map[string]error // tenants that refused later: neither, in this run

	forgotten map[name]Group // in this run, as they were: one that is shown again all the same is no new one
}

// end writes how a run ended.
func (r *runner) end(ctx context.Context, err error) (Record, error) {
	if ctx.Err() != nil {
		return r.book.record(), ctx.Err()
	}
	saved := r.book.update(func(rec *Record) {
		rec.State, rec.Why, rec.Ended = Done, "", now()
		if err != nil {
			rec.State, rec.Why = Stopped, err.Error()
		}
	})
	return r.book.record(), saved
}

func (r *runner) run(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	for {
		asked, err := r.askAll(ctx)
		if err != nil {
			return err
		}
		if !asked {
			return r.unsettled()
		}
		if err := r.compare(ctx); err != nil { // while they were asked, groups came or became ready
			return err
		}
	}
}

// begin finds the groups. Those that failed wait again, at the end, once for each start:
// a killed run that goes on asks none of them.
func (r *runner) begin(ctx context.Context) error {
	if err := r.compare(ctx); err != nil {
		return err
	}
	return r.book.update(func(rec *Record) {
		if rec.State != Running || rec.Began.IsZero() {
			rec.Began = now()
		}
		if rec.State != Running || rec.Ordered {
			rec.Tried = 0
			for i := range rec.Groups {
				if g := &rec.Groups[i]; g.State == Failed {
					g.State = Waiting
				}
			}
		}
		rec.State, rec.Why, rec.Ended, rec.Ordered = Running, "", time.Time{}, false
	})
}

// askAll has all groups upgraded that wait, and tells whether there were any.
func (r *runner) askAll(ctx context.Context) (asked bool, err error) {
	for {
		if err := r.tooMany(); err != nil {
			return asked, err
		}
		next, canary := r.next()
		if len(next) == 0 {
			return asked, nil
		}
		asked = true
		slog.Info("agents", "groups", len(next), "canary", canary)
		if err := r.batch(ctx, next); err != nil {
			return asked, err
		}
	}
}

// tooMany fails when no more groups may be asked.
func (r *runner) tooMany() error {
	rec := r.book.record()
	failed, _ := rec.Count(Failed)
	switch {
	case failed == 0 || rec.Tried == 0:
		return nil
	case proven(rec) < r.api.Spec.Canary:
		return fmt.Errorf("the canary failed: %s", r.failures())
	case failed*100 > r.api.Spec.Stop*rec.Tried:
		return fmt.Errorf("%d of %d groups failed, more than %d%%: %s", failed, rec.Tried, r.api.Spec.Stop, r.failures())
	}
	return nil
}

// proven counts the groups that were asked and did well.
func proven(rec Record) int {
	n := 0
	for _, g := range rec.Groups {
		if g.State == Upgraded && g.Asked > 0 {
			n++
		}
	}
	return n
}

// next chooses the groups to ask: first those that a killed run had asked, then
// the canary one by one, then batches; those that failed in an earlier run come last.
func (r *runner) next() (groups []Group, canary bool) {
	var open, fresh, again []Group
	rec := r.book.record()
	for _, g := range rec.Groups {
		switch {
		case r.isClosed(g.Tenant):
		case g.State == Asking, g.State == Asked:
			open = append(open, g)
		case g.State == Waiting && g.Asked == 0:
			fresh = append(fresh, g)
		case g.State == Waiting:
			again = append(again, g)
		}
	}
	size := r.api.Spec.Batch
	if canary = proven(rec) < r.api.Spec.Canary; canary {
		size = 1
	}
	waiting := slices.Concat(fresh, again)
	if len(open) > 0 {
		return open, canary
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
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) upgrade(ctx context.Context, g Group) error {
	asked, err := r.ask(ctx, g)
	if err == nil {
		err = r.follow(ctx, asked)
	}
	var closed *closedError
	switch _, away := errors.AsType[*agentapi.AwayError](err); {
	case ctx.Err() != nil:
		return ctx.Err()
	case away, errors.Is(err, errNotSaved): // not the group's fault: it stays as it is in the record
		return err
	case errors.As(err, &closed):
		r.close(g.Tenant, closed)
		return nil
	case agentapi.StatusOf(err) == http.StatusNotFound:
		_, there, lookErr := r.find(ctx, g)
		_, again := r.wasForgotten(g.name())
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case lookErr == nil && !there && !again:
			slog.Info("agents: the group is gone", "group", g.String())
			r.noteForgotten(asked)
			return r.book.forget(g)
		case lookErr == nil && !there:
			err = fmt.Errorf("the product shows the group in the list of all, shows nothing of it by its name, and answers: %w; see in its log why", err)
		}
	}
	failure := ""
	if err != nil {
		failure = err.Error()
		slog.Error("agents", "group", g.String(), "error", failure)
	} else {
		slog.Info("agents upgraded", "group", g.String(), "agents", g.Agents)
	}
	return r.book.update(func(rec *Record) {
		rec.Tried++
		for i := range rec.Groups {
			if o := &rec.Groups[i]; o.name() == g.name() {
				o.State, o.Error = Upgraded, failure
				if failure != "" {
					o.State = Failed
				}
			}
		}
	})
}

// noteForgotten remembers a group that is forgotten.
func (r *runner) noteForgotten(g Group) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forgotten == nil {
		r.forgotten = map[name]Group{}
	}
	r.forgotten[g.name()] = g
}

func (r *runner) wasForgotten(n name) (Group, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g, was := r.forgotten[n]
	return g, was
}

// closedError says that a tenant does not let us in.
type closedError struct{ err error }

func (e *closedError) Error() string { return e.err.Error() }

func (e *closedError) Unwrap() error { return e.err }

func (r *runner) close(tenant string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused == nil {
		r.refused = map[string]error{}
	}
	r.refused[tenant] = err
}

func (r *runner) isClosed(tenant string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed[tenant] != nil || r.refused[tenant] != nil
}

// unsettled tells what of the agents is not upgraded when nobody waits any more: groups that failed, tenants that do not let us in.
func (r *runner) unsettled() error {
	var why []string
	if n, _ := r.book.record().Count(Failed); n > 0 {
		why = append(why, fmt.Sprintf("%d groups failed: %s", n, r.failures()))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	closed := map[string]error{}
	maps.Copy(closed, r.refused)
	maps.Copy(closed, r.closed) // the last look knows best
	for _, tenant := range slices.Sorted(maps.Keys(closed)) {
		err, todo := closed[tenant], ""
		if agentapi.Locked(err) {
			todo = fmt.Sprintf("; see that the administrator of %s may work in that tenant", r.api.Spec.Headers.File)
		}
		why = append(why, fmt.Sprintf("%v%s", err, todo))
	}
	if why == nil {
		return nil
	}
	return errors.New(strings.Join(why, "\n"))
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

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
