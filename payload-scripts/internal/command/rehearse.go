package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/rehearsal"
)

// runRehearse tries the upgrade on copies and predicts the window.
func runRehearse(ctx context.Context, e *env, _ options) int {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the engine's log is an upgrade's; what is done is told below
	fmt.Fprintln(e.Err, "rehearsal: check the machine")
	began := time.Now()
	v := e.look(ctx)
	if v.Verdict != answer.Ready {
		return e.tell(v)
	}
	checked := manifest.Duration(time.Since(began)) // the upgrade begins with it too
	r, err := rehearsal.Run(ctx, e.bundle, e.bundle.Places().Rehearsal(), v.Findings, func(what string) {
		fmt.Fprintln(e.Err, "rehearsal: "+what)
	})
	if err != nil {
		code := exitFailed
		if errors.Is(err, rehearsal.ErrBusy) {
			code = exitUnderWay
		}
		return e.fail(fmt.Errorf("rehearse the upgrade: %w", err), code)
	}
	r.Prepare += checked
	if err := r.Keep(e.bundle.Places().Rehearsed(r.To), e.bundle.Manifest.Revision); err != nil {
		fmt.Fprintf(e.Err, "warning: %v\n", err)
	}
	code := exitDone
	switch {
	case !r.Ready():
		code = exitRefused
	case len(r.Untried) > 0:
		code = exitFailed
	}
	if e.JSON {
		return e.Encode(r, code)
	}
	e.page().Rehearsal(r)
	return code
}
