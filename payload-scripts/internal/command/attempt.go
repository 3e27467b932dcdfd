package command

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/upgrade"
)

// runAttempt is what the unit runs: it works on an attempt until its end.
func runAttempt(ctx context.Context, e *env, _ options) int {
	p := e.bundle.Places()
	release, err := attempt.Lock(p)
	if errors.Is(err, attempt.ErrAtWork) {
		return e.fail(err, exitUnderWay)
	}
	if err != nil {
		return e.fail(err, exitFailed)
	}
	defer release()
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
	slog.SetDefault(slog.New(slog.NewMultiHandler(
		slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: redact.Attr}),
		slog.NewTextHandler(e.Err, &slog.HandlerOptions{ReplaceAttr: withoutTime}),
	)))
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

func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{} // the system's journal has its own
	}
	return redact.Attr(groups, a)
}
