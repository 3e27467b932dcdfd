package command

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/upgrade"
)

// runAttempt is what the unit runs: it works on an attempt until its end.
func runAttempt(ctx context.Context, e *env, _ options) int {
	p := e.bundle.Places()
	lock := flock.New(p.Lock())
	if ok, err := lock.TryLock(); err != nil || !ok {
		return e.fail(errors.New("another engine is at work"), exitUnderWay)
	}
	defer lock.Unlock() //nolint:errcheck // ends with the process
	a := p.At(filepath.Base(e.bundle.Dir))
	j, err := journal.Open(a.Var)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	if j.Record().Outcome == journal.Running { // the start may have been cut short before it said so
		if err := attempt.SetState(p, attempt.Running); err != nil {
			return e.fail(err, exitFailed)
		}
	}
	log, err := os.OpenFile(a.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	defer log.Close() //nolint:errcheck // nothing is read back from it
	slog.SetDefault(slog.New(both{
		slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: redact.Attr}),
		slog.NewTextHandler(e.err, &slog.HandlerOptions{ReplaceAttr: withoutTime}),
	}))
	u, err := upgrade.New(ctx, e.bundle, a, j)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	defer u.Close()
	outcome, err := u.Run(ctx)
	if err != nil {
		slog.Error("stopped", "error", err)
		return exitFailed
	}
	return exitOf(outcome)
}

// both sends a record to two handlers, each with its own level.
type both [2]slog.Handler

// Enabled tells whether one of them wants the level.
func (b both) Enabled(ctx context.Context, l slog.Level) bool {
	return b[0].Enabled(ctx, l) || b[1].Enabled(ctx, l)
}

// Handle hands the record to those who want its level.
func (b both) Handle(ctx context.Context, r slog.Record) error {
	var errs []error
	for _, h := range b {
		if h.Enabled(ctx, r.Level) {
			errs = append(errs, h.Handle(ctx, r.Clone()))
		}
	}
	return errors.Join(errs...)
}

// WithAttrs adds to both.
func (b both) WithAttrs(a []slog.Attr) slog.Handler {
	return both{b[0].WithAttrs(a), b[1].WithAttrs(a)}
}

// WithGroup opens the group in both.
func (b both) WithGroup(n string) slog.Handler { return both{b[0].WithGroup(n), b[1].WithGroup(n)} }

func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{} // the system's journal has its own
	}
	return redact.Attr(groups, a)
}
