package command

import (
	"context"
	"errors"
	"flag"

	"onerpm/payload-scripts/internal/advice"
	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/subject"
)

func reportFlags(f *flag.FlagSet, o *options) {
	idFlag(f, o)
	f.BoolVar(&o.all, "all", false, "all upgrades that were tried on this machine, each in short")
	f.BoolVar(&o.summary, "summary", false, "only the id, the outcome, the window, the cause and what to do")
}

// runReport tells how an attempt went, first how it ended and why, then step by step.
func runReport(ctx context.Context, e *env, o options) int {
	if o.all {
		if o.summary || o.id != "" {
			return e.fail(advice.With(errors.New("--all tells of every upgrade in short"), "leave out --id and --summary"), exitUsage)
		}
		return e.history()
	}
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
	told := e.screen(s.Attempt, rec)
	if s.Newest && rec.Outcome == journal.Running {
		told.Stall(attempt.Stalled(ctx, e.bundle.Places()))
	}
	if o.summary {
		return e.summary(answer.SummaryOf(told.Report, e.prefix(), told.Stalled), exitDone)
	}
	if e.JSON {
		return e.Encode(told.Report, exitDone)
	}
	e.state(told)
	e.page().Report(told)
	return exitDone
}

// history tells of all attempts of the product's upgrades, whichever bundle they were of.
func (e *env) history() int {
	p := e.bundle.Places()
	all, err := attempt.History(p)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	if e.JSON {
		return e.Encode(answer.HistoryOf(all), exitDone)
	}
	e.page().History(e.bundle.Manifest.Product, p.Var(), all)
	return exitDone
}

func (e *env) summary(s answer.Summary, code int) int {
	if e.JSON {
		return e.Encode(s, code)
	}
	e.page().Summary(s)
	return code
}
