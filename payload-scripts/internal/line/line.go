// Package line is the way that an upgrade goes, and the rule of which way to resume after
// a stop. It knows stages, steps, the journal, retries and restarts; what the steps do to
// the machine it is given.
//
//	prepare   the product serves; nothing is changed but the schema, by migrations it can live with
//	switch    the window: packages, files, schema and services become new
//	open      after the commit, one durable record: the door is opened, the rest is tidied up
//	undo      back from prepare: the product has served all the time
//	reopen    back from the switch before services were touched: the door is opened again first
//	restore   back from the switch: everything becomes old
//	serve     after the way back's own commit, a durable record too: the door is opened
//
// Stopped at any point, by a kill or a power cut, an attempt is resumed by the next engine
// process: in prepare it starts over, between the switch and the commit everything becomes old
// again, after a commit it goes forward. A failure goes the same ways. So a machine ends as all
// old or all new, and only when even the way back fails is a person asked. After either commit
// clients may have been let in: no stage that follows stops or restores anything.
package line

import (
	"context"
	"errors"
	"time"

	"onerpm/payload-scripts/internal/journal"
)

// Step is one named part of a stage. It is idempotent: it may have run before, to any
// point. The journal records its begin and its end.
type Step struct {
	Name string
	Do   func(context.Context) error
	Down bool // from this step's begin on, services may be down
}

// Stage is a list of steps with one rule for what follows its end.
type Stage string

// The stages.
const (
	Prepare Stage = "prepare"
	Switch  Stage = "switch"
	Open    Stage = "open"
	Undo    Stage = "undo"
	Reopen  Stage = "reopen"
	Restore Stage = "restore"
	Serve   Stage = "serve"
)

// Steps are what each stage does, in order.
type Steps map[Stage][]Step

// Host is what the line needs of the machine besides the steps.
type Host struct {
	RollbackWanted func() bool                                  // whether the admin asked to go back
	ReleaseReserve func()                                       // releases the disk space that was reserved for a full disk; may be called again
	Sync           func() error                                 // makes durable what the steps changed
	Finish         func(context.Context, journal.Outcome) error // makes the rest of the host agree with a recorded outcome; may be called again
	Todo           func(journal.Record, error) string           // what a person is to do about an attempt that cannot go on
	Began          func(step string)                            // for those who look on
	Pause          func(context.Context, time.Duration) error   // waits
}

// Line is one attempt on its way.
type Line struct {
	Steps   Steps
	Host    Host
	Journal *journal.Journal

	rules  *rules
	onlyOn bool // the only way is on, back or forward: a full disk must not end it
}

// New returns the line of an attempt.
func New(steps Steps, host Host, j *journal.Journal) *Line {
	return &Line{Steps: steps, Host: host, Journal: j, rules: transitions()}
}

// ErrRefused is wrapped by a step that found, before anything was changed, that the upgrade must not begin.
var ErrRefused = errors.New("refused")

// AskedBack is what the journal has as the cause where the admin asked to go back.
const AskedBack = "the admin asked to go back"

// errRollback is the admin's wish to go back.
var errRollback = errors.New(AskedBack)

// Place tells where a step stands in its stage: from 1, of how many. 0 when the stage has no such step.
func (s Steps) Place(r journal.Record, name string) (at, of int) {
	stage := transitions().stageOf(s, r)
	if r.Phase == journal.Switching && !r.Back { // it is not resumed: it is under way
		stage = Switch
	}
	list := s[stage]
	for i, step := range list {
		if step.Name == name {
			at = i + 1
		}
	}
	return at, len(list)
}

// Forward reports whether a record is resumed on the way to the new release; otherwise it is on the way back.
func (s Steps) Forward(r journal.Record) bool {
	stage := transitions().stageOf(s, r)
	return stage == Prepare || stage == Open
}

// Restoring reports whether a record is resumed by making everything old.
func (s Steps) Restoring(r journal.Record) bool { return transitions().stageOf(s, r) == Restore }

// servicesTouched reports whether a step began from which on services may be down.
func (s Steps) servicesTouched(r journal.Record) bool {
	for _, began := range r.Steps {
		for _, step := range s[Switch] {
			if step.Down && began.Phase == journal.Switching && began.Name == step.Name {
				return true
			}
		}
	}
	return false
}
