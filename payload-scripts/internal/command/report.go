package command

import (
	"context"

	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/upgrade"
	"onerpm/payload-scripts/internal/view"
)

// runReport tells how the latest attempt went, step by step.
func runReport(_ context.Context, e *env, _ options) int {
	a, ok := e.latest()
	if !ok {
		return e.none()
	}
	rec, err := journal.Read(a.Var)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	r := upgrade.ReportOf(e.bundle, a, rec)
	if e.json {
		return e.encode(r, exitDone)
	}
	view.Report(e.out, r)
	e.printEnd(r)
	return exitDone
}
