package command

import (
	"context"
	"flag"

	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/subject"
	"onerpm/payload-scripts/internal/upgrade"
	"onerpm/payload-scripts/internal/view"
)

func reportFlags(f *flag.FlagSet, o *options) {
	idFlag(f, o)
	f.BoolVar(&o.summary, "summary", false, "only the id, the outcome, the window, the cause and what to do")
}

// runReport tells how an attempt went, step by step.
func runReport(ctx context.Context, e *env, o options) int {
	s, err := subject.Find(e.bundle, o.id)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	if s.None != nil {
		code := exitDone
		if o.id != "" {
			code = exitNotStarted
		}
		if o.summary {
			return e.summary(answer.SummaryOfNone(*s.None, e.prefix()), code)
		}
		return e.tellNone(s, code)
	}
	rec, err := journal.Read(s.Var)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	r, idle := upgrade.ReportOf(e.bundle, s.Attempt, rec), ""
	if s.Newest && rec.Outcome == journal.Running {
		idle = attempt.Stalled(ctx, e.bundle.Places())
	}
	if o.summary {
		return e.summary(answer.SummaryOf(r, e.prefix(), idle), exitDone)
	}
	if idle != "" {
		r.Todo = stalledTodo(e.prefix(), idle)
	}
	if e.JSON {
		return e.Encode(r, exitDone)
	}
	view.Report(e.Out, r)
	e.printEnd(r)
	return exitDone
}

func (e *env) summary(s answer.Summary, code int) int {
	if e.JSON {
		return e.Encode(s, code)
	}
	view.Summary(e.Out, s)
	return code
}
