package command

import (
	"context"
	"flag"

	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/subject"
	"onerpm/payload-scripts/internal/upgrade"
	"onerpm/payload-scripts/internal/view"
)

func reportFlags(f *flag.FlagSet, o *options) { idFlag(f, o) }

// runReport tells how an attempt went, step by step.
func runReport(_ context.Context, e *env, o options) int {
	s, err := subject.Find(e.bundle, o.id)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	if s.None != nil {
		return e.tellNone(s, reportCode(o))
	}
	rec, err := journal.Read(s.Var)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	r := upgrade.ReportOf(e.bundle, s.Attempt, rec)
	if e.JSON {
		return e.Encode(r, exitDone)
	}
	view.Report(e.Out, r)
	e.printEnd(r)
	return exitDone
}

// reportCode is the exit code of a report of which there is none: it was asked for by its id, or it is told that nothing was started.
func reportCode(o options) int {
	if o.id != "" {
		return exitNotStarted
	}
	return exitDone
}
