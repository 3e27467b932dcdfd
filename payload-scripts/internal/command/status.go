package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"onerpm/payload-scripts/internal/advice"
	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/upgrade"
	"onerpm/payload-scripts/internal/view"
)

func statusFlags(f *flag.FlagSet, o *options) {
	f.BoolVar(&o.follow, "follow", false, "go on until the upgrade ends")
}

// runStatus tells where the latest attempt is; with --follow until it ends.
func runStatus(ctx context.Context, e *env, o options) int {
	a, ok := e.latest()
	if !ok {
		return e.none()
	}
	rec, err := journal.Read(a.Var)
	if err == nil && o.follow {
		rec, err = view.Follow(ctx, e.shown(), e.followed(a))
	}
	if err != nil && ctx.Err() == nil {
		return e.fail(err, exitFailed)
	}
	if ctx.Err() != nil && !e.json {
		fmt.Fprintf(e.out, "the upgrade continues; follow it again: %s status --follow\n", e.prefix())
		return exitDone
	}
	if rec.Outcome == journal.Running {
		if why := attempt.Stalled(ctx, e.bundle.Places()); why != "" {
			return e.stalled(a, rec, why)
		}
	}
	r := upgrade.ReportOf(e.bundle, a, rec)
	if e.json {
		return e.encode(r, exitDone)
	}
	if !o.follow {
		for _, s := range rec.Steps {
			view.Step(e.out, s)
		}
	}
	e.printEnd(r)
	return exitDone
}

// followed is what a view of the attempt needs.
func (e *env) followed(a layout.Attempt) view.Attempt {
	p := e.bundle.Places()
	return view.Attempt{Journal: a.Var, Progress: p.Progress(), Limit: e.bundle.Manifest.Limits.Window.D(), Stalled: attempt.NewWatch(p).Why}
}

// shown is where people look on; nil when a program does.
func (e *env) shown() io.Writer {
	if e.json {
		return nil
	}
	return e.out
}

// none tells that this bundle was never started, where that is known.
func (e *env) none() int {
	m := e.bundle.Manifest
	if err := attempt.Readable(e.bundle.Places()); err != nil {
		return e.fail(err, exitFailed)
	}
	if e.json {
		return e.encode(map[string]any{"from": m.From, "to": m.To, "outcome": "not-started"}, exitDone)
	}
	fmt.Fprintf(e.out, "no upgrade to %s was started on this machine\n  look first: %s check\n  start it:   %s start\n", m.To, m.Prefix, m.Prefix)
	return exitDone
}

// runWait waits for the end of the latest attempt and exits with its code. When the last installation or start
// began none, it tells why.
func runWait(ctx context.Context, e *env, _ options) int {
	p := e.bundle.Places()
	a, ok := e.latest()
	s, err := attempt.Stand(p)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	if !s.Unfinished() {
		after := ""
		if ok {
			after = a.ID
		}
		u, err := attempt.ReadUnstarted(p, e.bundle.Manifest.To, after)
		if err != nil {
			return e.fail(err, exitFailed)
		}
		if u != nil {
			return e.unstarted(*u)
		}
	}
	if !ok {
		return e.notStarted(ctx)
	}
	watch := attempt.NewWatch(p)
	for {
		rec, err := journal.Read(a.Var)
		if err != nil {
			return e.fail(err, exitFailed)
		}
		s, err := attempt.Stand(p)
		if err != nil {
			return e.fail(err, exitFailed)
		}
		if rec.Outcome != journal.Running && s.Word != attempt.Running {
			return e.ended(a, rec)
		}
		if why := watch.Why(ctx, time.Now()); why != "" {
			return e.stalled(a, rec, why)
		}
		select {
		case <-ctx.Done():
			return e.fail(advice.With(errors.New("no longer waiting, and the upgrade continues"), "run `%s wait` again", e.prefix()), exitFailed)
		case <-time.After(view.Poll):
		}
	}
}

// stalled reports an attempt that has not ended and that nothing works on.
func (e *env) stalled(a layout.Attempt, rec journal.Record, why string) int {
	r := upgrade.ReportOf(e.bundle, a, rec)
	r.Todo = stalledTodo(e.prefix(), why)
	if e.json {
		return e.encode(r, exitNeedsPerson)
	}
	e.printEnd(r)
	return exitNeedsPerson
}

func (e *env) ended(a layout.Attempt, rec journal.Record) int {
	r := upgrade.ReportOf(e.bundle, a, rec)
	if e.json {
		return e.encode(r, e.end(r))
	}
	e.printEnd(r)
	return e.end(r)
}

// notStarted is for a bundle that began no attempt and of which nothing was noted, because its scriptlets did not run for instance.
func (e *env) notStarted(ctx context.Context) int {
	v := e.look(ctx)
	if code := e.tell(v); code != exitDone || v.Verdict == answer.NothingToDo {
		return code
	}
	if !e.json {
		e.none()
	}
	return exitNotStarted
}

// runRollback asks the attempt under way to go back.
func runRollback(ctx context.Context, e *env, _ options) int {
	a, ok := e.latest()
	if !ok {
		return e.none()
	}
	rec, err := journal.Read(a.Var)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	if rec.Outcome != journal.Running || rec.Phase == journal.Opening || rec.Phase == journal.Finished {
		return e.fail(advice.With(fmt.Errorf("the upgrade cannot go back any more: its phase is %s, its outcome %q", rec.Phase, rec.Outcome), "see `%s status`", e.prefix()), exitRefused)
	}
	if err := host.WriteFile(a.RollbackRequest(), nil, host.Attr{Mode: os.FileMode(0o600)}); err != nil {
		return e.fail(err, exitFailed)
	}
	if e.json {
		return e.encode(map[string]string{"id": a.ID, "rollback": "requested"}, exitDone)
	}
	if why := attempt.Stalled(ctx, e.bundle.Places()); why != "" {
		fmt.Fprintf(e.out, "nothing works on the upgrade: %s\n  `%s start` has it go back\n", why, e.prefix())
		return exitDone
	}
	fmt.Fprintf(e.out, "the upgrade will go back; follow it with `%s wait`\n", e.prefix())
	return exitDone
}

func stalledTodo(prefix, why string) string {
	return fmt.Sprintf("Nothing works on the upgrade: %s.\nRemove the cause, then run `%s start`: it resumes the attempt.", why, prefix)
}
