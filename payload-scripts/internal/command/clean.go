package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"onerpm/payload-scripts/internal/advice"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/late"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/rehearsal"
	"onerpm/payload-scripts/internal/view"
)

func cleanFlags(f *flag.FlagSet, o *options) {
	f.BoolVar(&o.all, "all", false, "the report and the log of the last upgrade too")
	f.BoolVar(&o.dryRun, "dry-run", false, "only tell what would be removed")
}

// runClean removes what is left of attempts that have ended.
func runClean(ctx context.Context, e *env, o options) int {
	p := e.bundle.Places()
	if !o.dryRun {
		if err := rehearsal.Sweep(p.Rehearsal()); err != nil {
			return e.fail(err, exitFailed)
		}
	}
	s, err := attempt.Stand(p)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	if s.Word == attempt.Running {
		return e.fail(advice.With(errors.New("an upgrade is under way"), "clean when it has ended: %s wait", e.prefix()), exitUnderWay)
	}
	if s.Word == attempt.Idle && !attempt.Used(p) {
		return e.cleaned(nil, o) // nothing was ever written here, and nothing is now
	}
	release, err := attempt.LockStart(p)
	if err != nil {
		return e.fail(err, lockExit(err))
	}
	defer release()
	if !o.dryRun {
		if err := late.Retry(ctx, e.bundle); err != nil {
			return e.fail(err, exitFailed)
		}
	}
	found, err := attempt.Leftovers(p, attempt.Keep{Latest: !o.all})
	if err == nil {
		found, err = attempt.Unowned(ctx, p, found)
	}
	if err != nil {
		return e.fail(err, exitFailed)
	}
	if !o.dryRun {
		if err := attempt.UninstallStray(ctx, p); err != nil {
			return e.fail(err, exitFailed)
		}
		for _, l := range found {
			if err := attempt.Remove(p, l); err != nil {
				return e.fail(err, exitFailed)
			}
		}
	}
	return e.cleaned(found, o)
}

func (e *env) cleaned(found []attempt.Leftover, o options) int {
	var total int64
	for _, l := range found {
		total += l.Bytes
	}
	if e.JSON {
		if found == nil {
			found = []attempt.Leftover{}
		}
		return e.Encode(map[string]any{"removed": !o.dryRun, "bytes": total, "attempts": found}, exitDone)
	}
	pending := ""
	if a, open, err := attempt.PendingAgents(e.bundle.Places()); o.all && open && err == nil {
		pending = a.ID
	}
	e.page().Cleaned(e.bundle.Command(), found, view.Freed{Bytes: total, DryRun: o.dryRun, Pending: pending})
	return exitDone
}

// expire removes the backups that the admin's settings keep no longer. A
// failure is told and holds nothing up.
func (e *env) expire(p layout.Places) {
	keep := e.bundle.Settings.KeepBackups
	if keep == 0 {
		return
	}
	found, err := attempt.Leftovers(p, attempt.Keep{Latest: true, Data: true, Since: time.Now().Add(-keep)})
	for _, l := range found {
		err = errors.Join(err, attempt.Remove(p, l))
	}
	if err != nil {
		fmt.Fprintf(e.Err, "note: old backups could not be removed: %v\n", err)
	}
}
