package command

import (
	"context"
	"fmt"
	"os"

	"onerpm/payload-scripts/internal/advice"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/subject"
)

// runRollback asks the attempt under way to go back.
func runRollback(ctx context.Context, e *env, _ options) int {
	a, ok := subject.Latest(e.bundle)
	if !ok {
		return e.none()
	}
	rec, err := journal.Read(a.Var)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	if rec.Outcome != journal.Running || rec.Phase == journal.Opening || rec.Phase == journal.Finished {
		return e.fail(advice.With(fmt.Errorf("the upgrade cannot go back any more: its phase is %s, its outcome %q", rec.Phase, rec.Outcome), "see `%s status`", e.prefix()), exitRefused)
	}
	if err := host.WriteFile(a.RollbackRequest(), nil, host.Attr{Mode: os.FileMode(0o600)}); err != nil {
		return e.fail(err, exitFailed)
	}
	if e.JSON {
		return e.Encode(map[string]string{"id": a.ID, "rollback": "requested"}, exitDone)
	}
	if why := attempt.Stalled(ctx, e.bundle.Places()); why != "" {
		e.page().Line("nothing works on the upgrade: %s", why)
		e.page().Line("  `%s start` has it go back", e.prefix())
		return exitDone
	}
	e.page().Line("the upgrade will go back to %s; wait for its end: `%s wait`", rec.From, e.prefix())
	return exitDone
}

// none tells that this bundle was never started, where that is known.
func (e *env) none() int {
	if err := attempt.Readable(e.bundle.Places()); err != nil {
		return e.fail(err, exitFailed)
	}
	return e.tellNone(subject.Never(e.bundle), exitDone)
}
