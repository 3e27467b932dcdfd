package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/upgrade"
)

// pollEvery is how often a command that waits reads the journal.
const pollEvery = 200 * time.Millisecond

// runStatus tells where the latest attempt is; with --follow each step as it
// ends, until the attempt does.
func runStatus(ctx context.Context, e *env, args []string) int {
	follow := false
	err := e.flags("status", args, func(f *flag.FlagSet) { f.BoolVar(&follow, "follow", false, "until the upgrade ends") })
	if err != nil {
		return exitUsage
	}
	a, ok := e.bundle.Places().Latest(e.bundle.Manifest.To)
	if !ok {
		return e.none()
	}
	var rec journal.Record
	if follow && !e.json {
		rec, err = e.follow(ctx, a)
	} else {
		rec, err = journal.Read(a.Var)
	}
	if err != nil {
		return e.fail(err, exitFailed)
	}
	r := upgrade.ReportOf(e.bundle.Manifest, rec)
	if e.json {
		return e.encode(r, exitDone)
	}
	if !follow {
		for _, s := range rec.Steps {
			printStep(e.out, s)
		}
	}
	printOutcome(e.out, r)
	return exitDone
}

// none tells that this bundle was never started.
func (e *env) none() int {
	m := e.bundle.Manifest
	if e.json {
		return e.encode(map[string]any{"from": m.From, "to": m.To, "outcome": "not-started"}, exitDone)
	}
	fmt.Fprintf(e.out, "no upgrade to %s was started on this machine\n  look first: %s check\n  start it:   %s start\n", m.To, m.Prefix, m.Prefix)
	return exitDone
}

// follow prints the steps as they end and returns the record of the end.
func (e *env) follow(ctx context.Context, a attempt.Attempt) (journal.Record, error) {
	shown := 0
	for {
		rec, err := journal.Read(a.Var)
		if err != nil {
			return rec, err
		}
		last := len(rec.Steps)
		for ; shown < last; shown++ {
			s := rec.Steps[shown]
			if s.Ended.IsZero() && shown == last-1 && rec.Outcome == journal.Running {
				break // it is running: told when it has ended
			}
			printStep(e.out, s)
		}
		if rec.Outcome != journal.Running {
			return rec, nil
		}
		select {
		case <-ctx.Done():
			return rec, ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

// runWait waits for the end of the latest attempt and exits with its code. When
// none was started, it tells why, with the check's code.
func runWait(ctx context.Context, e *env, args []string) int {
	if err := e.flags("wait", args, nil); err != nil {
		return exitUsage
	}
	if err := needRoot(); err != nil {
		return e.fail(err, exitUsage)
	}
	p := e.bundle.Places()
	a, ok := p.Latest(e.bundle.Manifest.To)
	if !ok {
		return e.notStarted(ctx)
	}
	for {
		rec, err := journal.Read(a.Var)
		if err != nil {
			return e.fail(err, exitFailed)
		}
		word, err := p.State()
		if err != nil {
			return e.fail(err, exitFailed)
		}
		if rec.Outcome != journal.Running && word != attempt.Running {
			return e.ended(rec)
		}
		select {
		case <-ctx.Done():
			return e.fail(errors.New("no longer waiting; the upgrade goes on"), exitFailed)
		case <-time.After(pollEvery):
		}
	}
}

func (e *env) ended(rec journal.Record) int {
	r := upgrade.ReportOf(e.bundle.Manifest, rec)
	if e.json {
		return e.encode(r, exitOf(rec.Outcome))
	}
	printOutcome(e.out, r)
	return exitOf(rec.Outcome)
}

func (e *env) notStarted(ctx context.Context) int {
	code := e.tell(e.check(ctx))
	if code != exitDone {
		return code
	}
	return e.none()
}

// runReport tells how the latest attempt went, step by step.
func runReport(_ context.Context, e *env, args []string) int {
	if err := e.flags("report", args, nil); err != nil {
		return exitUsage
	}
	a, ok := e.bundle.Places().Latest(e.bundle.Manifest.To)
	if !ok {
		return e.none()
	}
	rec, err := journal.Read(a.Var)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	r := upgrade.ReportOf(e.bundle.Manifest, rec)
	if e.json {
		return e.encode(r, exitDone)
	}
	printReport(e.out, r)
	return exitDone
}

// runRollback asks the attempt under way to go back.
func runRollback(_ context.Context, e *env, args []string) int {
	if err := e.flags("rollback", args, nil); err != nil {
		return exitUsage
	}
	if err := needRoot(); err != nil {
		return e.fail(err, exitUsage)
	}
	a, ok := e.bundle.Places().Latest(e.bundle.Manifest.To)
	if !ok {
		return e.none()
	}
	rec, err := journal.Read(a.Var)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	if rec.Outcome != journal.Running || rec.Phase == journal.Opening || rec.Phase == journal.Finished {
		return e.fail(fmt.Errorf("the upgrade cannot go back any more: its phase is %s, its outcome %q", rec.Phase, rec.Outcome), exitRefused)
	}
	if err := host.WriteFile(upgrade.RollbackRequest(a), nil, host.Attr{Mode: os.FileMode(0o600)}); err != nil {
		return e.fail(err, exitFailed)
	}
	fmt.Fprintf(e.out, "the upgrade will go back; follow it with `%s wait`\n", e.bundle.Manifest.Prefix)
	return exitDone
}
