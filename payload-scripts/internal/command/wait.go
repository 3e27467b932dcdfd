package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"onerpm/payload-scripts/internal/advice"
	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/subject"
	"onerpm/payload-scripts/internal/view"
)

// idFlag is the flag of commands that tell of one attempt.
func idFlag(f *flag.FlagSet, o *options) {
	f.Func("id", "of the upgrade with this `ID` alone, as start tells it", func(id string) error {
		o.id = id
		return subject.CheckID(id)
	})
}

func waitFlags(f *flag.FlagSet, o *options) {
	idFlag(f, o)
	f.Func("timeout", "wait so long at most, `D`, 90s or 10m for instance", func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return errors.New("it is no time; write 90s, 10m or 2h")
		}
		o.timeout = &d
		return nil
	})
}

// runWait waits for the end of an attempt and exits with its code.
func runWait(ctx context.Context, e *env, o options) int {
	var over <-chan time.Time
	if o.timeout != nil {
		over = time.After(*o.timeout)
	}
	s, err := subject.Find(e.bundle, o.id)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	switch {
	case s.Never:
		return e.neverStarted(ctx, s, o)
	case s.None != nil:
		return e.tellNone(s, noneCode(*s.None))
	}
	p := e.bundle.Places()
	watch := attempt.NewWatch(p)
	for {
		rec, err := journal.Read(s.Var)
		if err != nil {
			return e.fail(err, exitFailed)
		}
		word, err := attempt.State(p)
		if err != nil {
			return e.fail(err, exitFailed)
		}
		later := attempt.After(p, s.ID)
		s.Newest = s.Newest && later == ""
		switch {
		case rec.Outcome != journal.Running && (!s.Newest || word != attempt.Running):
			return e.ended(s.Attempt, rec)
		case !s.Newest:
			return e.replaced(s.Attempt, rec, later)
		}
		if why := watch.Why(ctx, time.Now()); why != "" {
			return e.stalled(s.Attempt, rec, why)
		}
		select {
		case <-ctx.Done():
			return e.fail(advice.With(errors.New("no longer waiting, and the upgrade continues"), "run `%s wait` again", e.prefix()), exitFailed)
		case <-over:
			return e.timeOut(s.Attempt, rec)
		case <-time.After(view.Poll):
		}
	}
}

// timeOut tells of an attempt that goes on when the time to wait for it is over.
func (e *env) timeOut(a layout.Attempt, rec journal.Record) int {
	s := e.screen(a, rec)
	if e.JSON {
		return e.Encode(s.Report, exitTimeOut)
	}
	e.state(s)
	e.page().Line("the time to wait is over, and the upgrade goes on")
	e.page().Line("  wait for its end: `%s wait --id %s`", e.prefix(), a.ID)
	return exitTimeOut
}

// stalled reports an attempt that has not ended and that nothing works on.
func (e *env) stalled(a layout.Attempt, rec journal.Record, why string) int {
	s := e.screen(a, rec)
	s.Stall(why)
	if e.JSON {
		return e.Encode(s.Report, exitNeedsPerson)
	}
	e.state(s)
	return exitNeedsPerson
}

// replaced reports an attempt that never ended, and in whose place there is a later one: how the product is that one tells.
func (e *env) replaced(a layout.Attempt, rec journal.Record, later string) int {
	s := e.screen(a, rec)
	s.Report.Todo = fmt.Sprintf("a later upgrade has taken its place, %s; see `%s report --id %[1]s`", later, e.prefix())
	if e.JSON {
		return e.Encode(s.Report, exitNeedsPerson)
	}
	e.page().Line("the upgrade %s has not ended: %s", a.ID, s.Report.Todo)
	return exitNeedsPerson
}

func (e *env) ended(a layout.Attempt, rec journal.Record) int {
	s := e.screen(a, rec)
	if e.JSON {
		return e.Encode(s.Report, e.end(s.Report))
	}
	e.state(s)
	return e.end(s.Report)
}

// neverStarted is for a bundle that began no attempt and of which nothing was noted, because its scriptlets did not run for instance.
func (e *env) neverStarted(ctx context.Context, s subject.Subject, o options) int {
	if o.timeout != nil {
		limited, cancel := context.WithTimeout(ctx, *o.timeout)
		defer cancel()
		ctx = limited
	}
	v := e.look(ctx)
	if end, limited := ctx.Deadline(); ctx.Err() != nil || limited && time.Now().After(end) { // what was found then may be that there was no time
		return e.tellNone(s, exitNotStarted)
	}
	if code := e.tell(v); code != exitDone || v.Verdict == answer.NothingToDo {
		return code
	}
	if !e.JSON {
		e.page().NotStarted(e.prefix(), *s.None, s.Never)
	}
	return exitNotStarted
}

// tellNone tells why there is no upgrade to tell of.
func (e *env) tellNone(s subject.Subject, code int) int {
	if e.JSON {
		return e.Encode(s.None, code)
	}
	e.page().NotStarted(e.prefix(), *s.None, s.Never)
	return code
}

// noneCode is the exit code of a wait for an upgrade that there is not.
func noneCode(n answer.NotStarted) int {
	if n.Refused {
		return exitRefused
	}
	return exitNotStarted
}
