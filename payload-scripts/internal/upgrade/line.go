// Package upgrade is the line that an upgrade goes along, and the rule of which
// way to go on after a stop.
//
//	prepare   the product serves; nothing is changed but the schema, by migrations it can live with
//	switch    the window: packages, files, schema and services become new
//	commit    one durable record; no client has been let in by the new release before it
//	open      the door is opened, the rest is tidied up
//
// Stopped at any point, by a kill or a power cut, the engine goes on by itself:
// in prepare it starts over, between the switch and the commit everything
// becomes old again, after the commit it goes forward. A failure goes the same
// ways. So a machine ends as all old or all new, and only when even the way
// back fails is a person asked.
package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"onerpm/payload-scripts/internal/journal"
)

// step is one named part of a phase. It is idempotent: it may have run before,
// to any point.
type step struct {
	name string
	do   func(*Upgrade, context.Context) error
}

// The line. Each list is run in order; the journal records each step's begin and end.
var (
	prepare = []step{
		{"wait for other package managers", (*Upgrade).waitForLocks},
		{"preflight", (*Upgrade).preflight},
		{"set room aside", (*Upgrade).reserveRoom},
		{"record the services", (*Upgrade).recordServices},
		{"back up configuration", (*Upgrade).backupFiles},
		{"back up packages", (*Upgrade).backupPackages},
		{"back up the databases", (*Upgrade).backupDatabases},
		{"hooks of prepare", (*Upgrade).hooksOfPrepare},
		{"expand the schema", (*Upgrade).expandSchema},
	}
	toNew = []step{
		{"wait for other package managers", (*Upgrade).waitForLocks},
		{"shut the door", (*Upgrade).closeDoor},
		{"drain", (*Upgrade).drain},
		{marking, (*Upgrade).markWindow},
		{"stop the services", (*Upgrade).stopServices},
		{"save what changed meanwhile", (*Upgrade).saveState},
		{"packages to new", (*Upgrade).packagesToNew},
		{"files to new", (*Upgrade).filesToNew},
		{"hooks of the switch", (*Upgrade).hooksOfSwitch},
		{"schema to new", (*Upgrade).schemaToNew},
		{"start the services", (*Upgrade).startNew},
	}
	open = []step{
		{"start the services", (*Upgrade).startAgain}, // of an attempt that was carried on: a loss of power has ended them
		{"open the door", (*Upgrade).openNew},
		{"take the marks away", (*Upgrade).unmark},
		{"mark packages as installed by the user", (*Upgrade).markPackages},
		{"hooks of open", (*Upgrade).hooksOfOpen},
		{"hand over the agents", (*Upgrade).handOverAgents},
	}
	toOld = []step{
		{marking, (*Upgrade).markWindowBack},
		{"stop the services", (*Upgrade).stopServices},
		{"schema to old", (*Upgrade).schemaToOld},
		{"undo the hooks", (*Upgrade).undoHooks},
		{"packages to old", (*Upgrade).packagesToOld},
		{"files to old", (*Upgrade).filesToOld},
		{"start the services", (*Upgrade).startOld},
		{"open the door", (*Upgrade).openOld},
		{"take the marks away", (*Upgrade).unmark},
	}
	reopen = []step{ // the services were never stopped: work under way goes on
		{"start the services", (*Upgrade).startOld}, // they run, but for those that a loss of power has ended
		{"open the door", (*Upgrade).openOld},
		{"schema to old", (*Upgrade).schemaToOld},
		{"undo the hooks", (*Upgrade).undoHooks},
		{"take the marks away", (*Upgrade).unmark},
	}
	unprepare = []step{ // the window was never reached: the product serves on
		{"schema to old", (*Upgrade).schemaToOld},
		{"undo the hooks", (*Upgrade).undoHooks},
		{"take the marks away", (*Upgrade).unmark},
		{"see the product serve", (*Upgrade).awaitOld}, // after a loss of power it is still starting
	}
)

// marking is the step from which on services may be down.
const marking = "mark the window"

// wayBack tells which steps lead back, and in which phase. They are the same ones
// when the engine is stopped on the way and started again.
func wayBack(r journal.Record) (journal.Phase, []step) {
	marked := slices.ContainsFunc(r.Steps, func(s journal.Step) bool { return s.Name == marking })
	switch {
	case r.Phase == journal.Preparing:
		return journal.Preparing, unprepare
	case !marked:
		return journal.Switching, reopen
	}
	return journal.Switching, toOld
}

// tries bounds how often a way that must succeed (back, or forward after the
// commit) is gone again before a person is asked.
const tries = 3

// tryPause lies between two tries.
const tryPause = 5 * time.Second

// maxStarts bounds how often an attempt is carried on by a new engine process.
const maxStarts = 12

// errStop is the admin's wish to go back.
var errStop = errors.New("the admin asked to go back")

// Run goes along the line from wherever the journal says the attempt is, to its
// end, and returns the outcome.
func (u *Upgrade) Run(ctx context.Context) (journal.Outcome, error) {
	rec := u.journal.Record()
	if rec.Outcome != journal.Running {
		return rec.Outcome, u.finish(ctx, rec.Outcome)
	}
	if err := u.inSpite(u.journal.Update(func(r *journal.Record) { r.Starts++ })); err != nil {
		return "", err
	}
	if rec.Starts >= maxStarts {
		return u.needsAPerson(ctx, fmt.Errorf("the engine was started %d times and did not reach an end", rec.Starts))
	}
	if rec.Starts > 0 {
		slog.Warn("carrying on after a stop", "phase", rec.Phase, "back", rec.Back, "start", rec.Starts+1)
	}
	outcome, err := u.goOn(ctx, rec)
	if err != nil && ctx.Err() != nil {
		return "", err // stopped from outside: the next start goes on from the journal
	}
	return outcome, err
}

func (u *Upgrade) goOn(ctx context.Context, rec journal.Record) (journal.Outcome, error) {
	switch {
	case rec.Back, rec.Phase == journal.Switching:
		return u.goBack(ctx, interruption(rec))
	case rec.Phase == journal.Opening, rec.Phase == journal.Finished:
		return u.goForward(ctx)
	}
	err := u.steps(ctx, journal.Preparing, prepare)
	// An attempt that starts over may be refused after it changed the schema: that
	// is a failure, and goes back.
	if refused := (*RefusedError)(nil); errors.As(err, &refused) && u.journal.Record().Schema == nil {
		return journal.Refused, u.end(ctx, journal.Refused)
	}
	if err == nil {
		err = u.journal.Update(func(r *journal.Record) { r.Phase = journal.Switching })
	}
	if err == nil {
		err = u.steps(ctx, journal.Switching, toNew)
	}
	if err == nil {
		err = u.commit()
	}
	if err != nil {
		if ctx.Err() != nil {
			return "", err
		}
		slog.Error("going back", "because", err)
		return u.goBack(ctx, err)
	}
	return u.goForward(ctx)
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

// commit is the point of no return: before this record is on disk every stop
// leads back, after it every stop leads forward.
func (u *Upgrade) commit() error {
	if err := u.syncAll(); err != nil {
		return err
	}
	if u.stopWanted() {
		return errStop
	}
	return u.journal.Update(func(r *journal.Record) { r.Phase = journal.Opening })
}

func (u *Upgrade) goForward(ctx context.Context) (journal.Outcome, error) {
	if err := u.insist(ctx, journal.Opening, open); err != nil {
		return u.needsAPerson(ctx, err)
	}
	return journal.Upgraded, u.end(ctx, journal.Upgraded)
}

func (u *Upgrade) goBack(ctx context.Context, because error) (journal.Outcome, error) {
	u.freeRoom()
	err := u.journal.Update(func(r *journal.Record) {
		r.Back = true
		if r.Error == "" { // no step failed: a kill, the admin's wish, the commit
			r.Error = because.Error()
		}
	})
	if err != nil {
		return "", err
	}
	phase, way := wayBack(u.journal.Record())
	if err := u.insist(ctx, phase, way); err != nil {
		return u.needsAPerson(ctx, err)
	}
	return journal.RolledBack, u.end(ctx, journal.RolledBack)
}

// insist goes a way again from its start until it succeeds, a few times.
func (u *Upgrade) insist(ctx context.Context, phase journal.Phase, way []step) error {
	for try := 1; ; try++ {
		err := u.steps(ctx, phase, way)
		if err == nil || try == tries || ctx.Err() != nil {
			return err
		}
		u.freeRoom() // a full disk may be the cause, whoever met it
		slog.Error("trying again", "try", try, "because", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tryPause):
		}
	}
}

func (u *Upgrade) steps(ctx context.Context, phase journal.Phase, list []step) error {
	for _, s := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !u.journal.Record().Back && phase != journal.Opening && u.stopWanted() {
			return errStop
		}
		if err := u.step(ctx, phase, s); err != nil {
			return err
		}
	}
	return nil
}

func (u *Upgrade) step(ctx context.Context, phase journal.Phase, s step) error {
	end, err := u.journal.Begin(phase, s.name)
	if err := u.written(err); err != nil {
		return err
	}
	slog.Info("step", "phase", phase, "name", s.name)
	u.told.Step(s.name)
	failed := s.do(u, ctx)
	if failed != nil && ctx.Err() != nil {
		return failed // interrupted, not failed: the journal shows a step without an end
	}
	if failed != nil {
		failed = fmt.Errorf("%s: %w", s.name, failed)
		slog.Error("step failed", "phase", phase, "name", s.name, "error", failed)
	}
	if err := u.written(end(failed)); err != nil {
		return errors.Join(failed, err)
	}
	return failed
}
