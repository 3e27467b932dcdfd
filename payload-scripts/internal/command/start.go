package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/advice"
	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/late"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/rehearsal"
	"onerpm/payload-scripts/internal/subject"
	"onerpm/payload-scripts/internal/upgrade"
	"onerpm/payload-scripts/internal/window"
)

// startFlags has one for the scriptlet: the check was just run, leave it to the attempt.
func startFlags(f *flag.FlagSet, o *options) { f.BoolVar(&o.checked, "checked", false, "") }

// runStart starts an attempt in the background. It returns when the attempt is
// on disk and its unit is started, so that a wait that follows cannot miss it.
func runStart(ctx context.Context, e *env, o options) int {
	p := e.bundle.Places()
	if err := os.MkdirAll(p.Var(), 0o700); err != nil {
		return e.fail(err, exitFailed)
	}
	release, err := attempt.LockStart(p)
	if err != nil {
		return e.failStart(err, lockExit(err))
	}
	defer release()
	if err := attempt.ForgetGated(p); err != nil { // from here on this start is told of
		return e.fail(err, exitFailed)
	}
	return e.start(ctx, p, o.checked)
}

// lockExit is the exit code for a lock that could not be had.
func lockExit(err error) int {
	if errors.Is(err, attempt.ErrStarting) || errors.Is(err, attempt.ErrOnAgents) {
		return exitUnderWay
	}
	return exitFailed
}

func (e *env) start(ctx context.Context, p layout.Places, checked bool) int {
	s, err := attempt.Stand(p)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	if s.Word == attempt.Running {
		idle := attempt.Stalled(ctx, p)
		if a, ok := subject.Latest(e.bundle); ok && a.ID == s.ID && idle != "" {
			return e.begin(ctx, p, a) // the start before was cut short
		}
		if idle != "" {
			return e.cannotResume(s, p, idle)
		}
		return e.fail(advice.With(errors.New("an upgrade is under way"), "follow it with `%s status --follow`", p.Prefix), exitUnderWay)
	}
	err = attempt.AwaitEngine(ctx, p)
	if errors.Is(err, attempt.ErrAtItsEnd) {
		return e.failStart(err, exitUnderWay)
	}
	if err != nil {
		return e.failStart(err, exitFailed)
	}
	if s.Word == attempt.NeedsAPerson {
		return e.resume(ctx, p, s)
	}
	if err := late.Retry(ctx, e.bundle); err != nil {
		fmt.Fprintf(e.Err, "warning: %s\n", redact.Prose(err.Error()))
	}
	if !checked {
		v := e.look(ctx)
		if v.Verdict == answer.Refused {
			e.note(attempt.Unstarted{Why: "it was refused when it was to be started", Refused: true, Findings: v.Findings})
		}
		if v.Verdict != answer.Ready {
			return e.tell(v)
		}
	}
	e.expire(p)
	if err := rehearsal.Sweep(p.Rehearsal()); err != nil { // it takes room; the upgrade needs none of it
		fmt.Fprintf(e.Err, "warning: %v\n", err)
	}
	a, err := attempt.Create(e.bundle, time.Now())
	if err != nil {
		return e.failStart(err, exitFailed)
	}
	return e.begin(ctx, p, a)
}

// cannotResume is for an attempt that this program cannot go on with: it is another bundle's, or there is no record of it.
func (e *env) cannotResume(s attempt.Standing, p layout.Places, idle string) int {
	if s.ID != "" {
		return e.fail(advice.With(errors.New("an upgrade with another bundle has not ended"), "run %s/bin/engine start", p.At(s.ID).Run), exitNeedsPerson)
	}
	f := s.Finding(p, idle)
	return e.fail(advice.With(errors.New(f.What), "%s", f.Do), exitNeedsPerson)
}

// resume starts an attempt again that needed a person.
func (e *env) resume(ctx context.Context, p layout.Places, s attempt.Standing) int {
	a, ok := attempt.Latest(p, e.bundle.Manifest.To)
	if !ok || a.ID != s.ID {
		return e.cannotResume(s, p, "")
	}
	j, err := journal.Open(a.Var)
	if err == nil {
		err = upgrade.MayResume(ctx, e.bundle, j.Record())
	}
	if err == nil {
		err = j.Update(func(r *journal.Record) {
			r.Outcome, r.Starts, r.Todo, r.Stopped, r.Ended = journal.Running, 1, "", "", time.Time{}
		})
	}
	if errors.Is(err, window.ErrServing) {
		return e.fail(err, exitNeedsPerson)
	}
	if err != nil {
		return e.fail(err, exitFailed)
	}
	return e.begin(ctx, p, a)
}

// begin starts the attempt's unit. Cut short before the unit is on disk, nothing
// has begun and the next start makes an attempt of its own; after it, the
// attempt is resumed at the next boot or the next start.
func (e *env) begin(ctx context.Context, p layout.Places, a layout.Attempt) int {
	before, err := attempt.State(p)
	rec := journal.Record{}
	if err == nil {
		rec, err = journal.Read(a.Var) // before the engine works on it
	}
	if err == nil {
		err = attempt.Install(ctx, p, a, e.bundle.Manifest)
	}
	if err == nil {
		err = attempt.SetState(p, attempt.Running)
	}
	if err == nil {
		err = attempt.Begin(ctx, p)
	}
	if err != nil {
		if before != attempt.Running { // otherwise the unit resumes the attempt at the next boot
			_ = attempt.Uninstall(ctx, p)
			_ = attempt.SetState(p, before)
		}
		return e.failStart(fmt.Errorf("start the upgrade: %w", err), exitFailed)
	}
	if e.JSON {
		return e.Encode(map[string]string{"id": a.ID}, exitDone)
	}
	e.page().Begun(e.screen(a, rec))
	return exitDone
}
