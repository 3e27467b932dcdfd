package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/subject"
)

func installedFlags(f *flag.FlagSet, o *options) { f.BoolVar(&o.first, "first", false, "") }

// runInstalled is the work of %posttrans: it checks the host and, on a first installation that nothing stands against,
// starts the upgrade, as a unit that does not need the transaction any more. Otherwise it tells why not, and notes it for
// a wait that follows. What it tells is for the terminal of yum.
func runInstalled(ctx context.Context, e *env, o options) int {
	p := e.bundle.Places()
	s, err := attempt.Stand(p)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	switch s.Word {
	case attempt.Running:
		e.page().Line("an upgrade is under way and continues")
		e.page().Line("  follow it: `%s status --follow`", p.Prefix)
		return exitUnderWay
	case attempt.NeedsAPerson:
		e.page().Line("an upgrade has stopped and needs a person")
		e.page().Line("  see what to do: `%s report`", p.Prefix)
		return exitNeedsPerson
	}
	if err := attempt.ForgetGated(p); err != nil { // this one was not refused
		return e.fail(err, exitFailed)
	}
	v := e.look(ctx)
	if code := e.tell(v); code != exitDone {
		if v.Verdict == answer.Refused {
			e.note(attempt.Unstarted{Why: "it was refused when its package was installed", Refused: true, Findings: v.Findings})
		}
		e.page().Line("the upgrade to %s was not started", e.bundle.Manifest.To)
		e.page().Again(p.Prefix)
		return code
	}
	if v.Verdict == answer.NothingToDo {
		return exitDone
	}
	why := ""
	_, err = os.Stat(p.Manual())
	switch {
	case !o.first:
		why = "an upgrade does not start by itself when its package is updated or installed again"
	case err == nil:
		why = p.Manual() + " is there, so the upgrade waits for you"
	case !errors.Is(err, os.ErrNotExist):
		why = fmt.Sprintf("nobody can tell whether %s is there: %v", p.Manual(), err)
	}
	if why != "" {
		e.note(attempt.Unstarted{Why: why})
		e.page().Line("the upgrade to %s was not started: %s", e.bundle.Manifest.To, why)
		e.page().Line("  start it: `%s start`", p.Prefix)
		return exitNotStarted
	}
	return runStart(ctx, e, options{checked: true})
}

// note has a wait tell of an installation or a start that began no attempt, and not of the attempt before.
func (e *env) note(u attempt.Unstarted) {
	m := e.bundle.Manifest
	u.To, u.Revision, u.Time = m.To, m.Revision, time.Now().UTC().Truncate(time.Second)
	if a, ok := subject.Latest(e.bundle); ok {
		if rec, err := journal.Read(a.Var); err == nil && rec.Outcome == journal.Running {
			return // another start won: there is an attempt to tell of
		}
		u.After = a.ID
	}
	if err := attempt.NoteUnstarted(e.bundle.Places(), u); err != nil {
		fmt.Fprintf(e.Err, "warning: %s\n", redact.Prose(err.Error()))
	}
}

// failStart is fail for a start that began no attempt.
func (e *env) failStart(err error, code int) int {
	e.note(attempt.Unstarted{Why: err.Error()})
	return e.fail(err, code)
}
