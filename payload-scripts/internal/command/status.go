package command

import (
	"context"
	"flag"

	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/dbstate"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/subject"
	"onerpm/payload-scripts/internal/view"
)

func statusFlags(f *flag.FlagSet, o *options) {
	f.BoolVar(&o.follow, "follow", false, "go on until the upgrade ends")
}

// runStatus tells where the latest attempt is; with --follow until it ends.
func runStatus(ctx context.Context, e *env, o options) int {
	s, err := subject.Find(e.bundle, "")
	if err != nil {
		return e.fail(err, exitFailed)
	}
	if s.None != nil {
		if e.JSON {
			return e.Encode(answer.NoStatus{NotStarted: *s.None, Databases: dbstate.All(ctx, e.bundle)}, exitDone)
		}
		return e.tellNone(s, exitDone)
	}
	a := s.Attempt
	rec, err := journal.Read(a.Var)
	if err == nil && o.follow {
		rec, err = view.Follow(ctx, e.People(), e.followed(a))
	}
	if err != nil && ctx.Err() == nil {
		return e.fail(err, exitFailed)
	}
	if ctx.Err() != nil && !e.JSON {
		e.page().Line("the upgrade continues; follow it again: `%s status --follow`", e.prefix())
		return exitDone
	}
	told, code := e.screen(a, rec), exitDone
	if rec.Outcome == journal.Running {
		if told.Stall(attempt.Stalled(ctx, e.bundle.Places())) {
			code = exitNeedsPerson
		}
	}
	if e.JSON {
		return e.Encode(answer.Status{Report: told.Report, Databases: dbstate.All(ctx, e.bundle)}, code)
	}
	e.state(told)
	return code
}

// followed is what a view of the attempt needs.
func (e *env) followed(a layout.Attempt) view.Attempt {
	p := e.bundle.Places()
	return view.Attempt{Journal: a.Var, Progress: p.Progress(), Estimate: p.Rehearsed(e.bundle.Manifest.To),
		Limit: e.bundle.Manifest.Limits.Window.D(), Stalled: attempt.NewWatch(p).Why}
}
