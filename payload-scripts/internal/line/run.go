package line

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"onerpm/payload-scripts/internal/journal"
)

// Run goes along the line from wherever the journal says the attempt is, to its
// end, and returns the outcome. An error means that the next start resumes it.
func (l *Line) Run(ctx context.Context) (journal.Outcome, error) {
	rec := l.Journal.Record()
	if rec.Outcome != journal.Running {
		return rec.Outcome, l.Host.Finish(ctx, rec.Outcome)
	}
	l.Journal.OnFull(l.releaseReserve)
	l.onlyOn = true
	if err := l.Journal.Update(func(r *journal.Record) { r.Starts++ }); err != nil {
		return "", err
	}
	if rec.Starts >= l.rules.starts {
		return l.end(ctx, needsAPerson, fmt.Errorf("the engine was started %d times and did not reach an end", rec.Starts))
	}
	stage := l.rules.stageOf(l.Steps, rec)
	if stage == "" {
		return "", fmt.Errorf("the journal is in no state that is known: phase %s, back %t, restored %t", rec.Phase, rec.Back, rec.Restored)
	}
	if rec.Starts > 0 {
		slog.Warn("resuming after a stop", "stage", stage, "start", rec.Starts+1)
	}
	if rec.Phase == journal.Switching && !rec.Back {
		if err := l.enter(stage, interruption(rec)); err != nil {
			return "", err
		}
	}
	return l.follow(ctx, stage)
}

// follow goes from stage to stage until an end.
func (l *Line) follow(ctx context.Context, stage Stage) (journal.Outcome, error) {
	for {
		cause := l.work(ctx, stage)
		if cause != nil && ctx.Err() != nil {
			return "", cause // stopped from outside: the next start resumes from the journal
		}
		next, err := l.nextStage(stage, cause)
		if err != nil {
			return "", err
		}
		if _, end := l.rules.ends[next]; end {
			return l.end(ctx, next, cause)
		}
		err = l.enter(next, cause)
		if err != nil && cause == nil { // what did not come to its end has failed
			cause = err
			if next, err = l.nextStage(stage, cause); err != nil {
				return "", err
			}
			if _, end := l.rules.ends[next]; end {
				return l.end(ctx, next, cause)
			}
			err = l.enter(next, cause)
		}
		if err != nil {
			return "", err
		}
		stage = next
	}
}

// nextStage is the stage that follows.
func (l *Line) nextStage(stage Stage, cause error) (Stage, error) {
	rec := l.Journal.Record()
	how := done
	switch {
	case cause == nil:
	case errors.Is(cause, ErrRefused) && !rec.Changed():
		how = refused
	case l.Steps.servicesTouched(rec):
		how = failedDown
	default:
		how = failed
	}
	next, ok := l.rules.next[stage][how]
	if !ok {
		return "", fmt.Errorf("no way leads on from the stage %q that is %s: %w", stage, how, cause)
	}
	return next, nil
}

// enter makes durable that a stage begins.
func (l *Line) enter(stage Stage, cause error) error {
	m := l.rules.mark[stage]
	if m.commit {
		if err := l.Host.Sync(); err != nil {
			return err
		}
		if stage == Open && l.Host.RollbackWanted() {
			return errRollback
		}
	}
	if cause != nil {
		slog.Error("going back", "because", cause)
		l.onlyOn = true
		l.Host.ReleaseReserve()
	}
	return l.Journal.Update(func(r *journal.Record) {
		if m.change != nil {
			m.change(r)
		}
		if cause != nil && r.Error == "" { // no step failed: a kill, the admin's wish, the commit
			r.Error = cause.Error()
		}
	})
}

// work goes through a stage, again from its start until it succeeds where there is no other way left.
func (l *Line) work(ctx context.Context, stage Stage) error {
	l.onlyOn = !l.rules.revocable[stage]
	for try := 1; ; try++ {
		err := l.steps(ctx, stage)
		if err == nil || try >= l.rules.tried[stage] || ctx.Err() != nil {
			return err
		}
		l.Host.ReleaseReserve() // a full disk may be the cause, whoever met it
		slog.Error("trying again", "stage", stage, "try", try, "because", err)
		if err := l.Host.Pause(ctx, l.rules.pause); err != nil {
			return err
		}
	}
}

func (l *Line) steps(ctx context.Context, stage Stage) error {
	for _, s := range l.Steps[stage] {
		if err := ctx.Err(); err != nil {
			return err
		}
		if l.rules.revocable[stage] && l.Host.RollbackWanted() {
			return errRollback
		}
		if err := l.step(ctx, stage, s); err != nil {
			return err
		}
	}
	return nil
}

func (l *Line) step(ctx context.Context, stage Stage, s Step) error {
	phase := l.rules.phase[stage]
	end, err := l.Journal.Begin(phase, s.Name)
	if err != nil {
		return err
	}
	slog.Info("step", "phase", phase, "name", s.Name)
	l.Host.Began(s.Name)
	problem := l.do(ctx, stage, s)
	if problem != nil && ctx.Err() != nil {
		return problem // interrupted, not failed: the journal shows a step without an end
	}
	if problem != nil {
		problem = fmt.Errorf("%s: %w", s.Name, problem)
		slog.Error("step failed", "phase", phase, "name", s.Name, "error", problem)
	}
	if err := end(problem); err != nil {
		return errors.Join(problem, err)
	}
	return problem
}

// do runs a step. While nothing has been stopped yet, a step that waits is ended by the
// admin's wish to go back.
func (l *Line) do(ctx context.Context, stage Stage, s Step) error {
	if !l.rules.revocable[stage] || s.Down || l.Steps.servicesTouched(l.Journal.Record()) {
		return s.Do(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(l.rules.poll, func() {
		for !l.Host.RollbackWanted() {
			select {
			case <-ctx.Done():
				return
			case <-time.After(l.rules.poll):
			}
		}
		cancel(errRollback)
	})
	defer watch.Stop()
	err := s.Do(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errRollback) {
		return errRollback
	}
	return err
}

// end records an outcome and has the host tidied up. The record comes first: an engine that
// is killed in between tidies up again when it is started.
func (l *Line) end(ctx context.Context, at Stage, cause error) (journal.Outcome, error) {
	outcome := l.rules.ends[at]
	l.onlyOn = true
	l.Host.ReleaseReserve()
	if err := l.Host.Sync(); err != nil {
		if outcome != journal.NeedsAPerson { // which promises nothing of the machine, and must be told
			return "", err
		}
		slog.Error("not everything is on disk", "error", err)
	}
	err := l.Journal.Update(func(r *journal.Record) {
		r.Outcome, r.Ended = outcome, time.Now().UTC().Truncate(time.Millisecond)
		switch outcome {
		case journal.Upgraded:
			r.Phase = journal.Finished
		case journal.NeedsAPerson:
			r.Todo = l.Host.Todo(*r, cause)
			if cause != nil {
				r.Stopped = cause.Error()
			}
		}
		if cause != nil && r.Error == "" {
			r.Error = cause.Error()
		}
	})
	if err != nil {
		return "", err
	}
	slog.Info("end", "outcome", outcome)
	return outcome, l.Host.Finish(ctx, outcome)
}

// releaseReserve frees space for the journal on a full disk when the upgrade can only go on. On the way to the
// new release a full disk is a reason to go back.
func (l *Line) releaseReserve(r *journal.Record) bool {
	if !l.onlyOn {
		return false
	}
	l.Host.ReleaseReserve()
	const what = "the disk was full: reserved disk space was released; free more space soon"
	slog.Warn(what)
	if !slices.Contains(r.Warnings, what) {
		r.Warnings = append(r.Warnings, what)
	}
	return true
}

// interruption tells where a process was stopped that could not say so itself.
func interruption(rec journal.Record) error {
	for _, s := range slices.Backward(rec.Steps) {
		if s.Ended.IsZero() {
			return fmt.Errorf("the engine was stopped in the step %q, by a kill, a lack of memory or a loss of power", s.Name)
		}
	}
	return errors.New("the engine was stopped between two steps, by a kill, a lack of memory or a loss of power")
}
