package line

import (
	"time"

	"onerpm/payload-scripts/internal/journal"
)

// event is how a stage ended.
type event string

const (
	done       event = "done"
	refused    event = "refused"     // and nothing was changed
	failed     event = "failed"      // an error, or the admin's wish; the services were not touched
	failedDown event = "failed down" // likewise, but they were
)

// The ends of the line, as stages without steps.
const (
	upgraded     Stage = "upgraded"
	notBegun     Stage = "refused"
	rolledBack   Stage = "rolled back"
	needsAPerson Stage = "needs a person"
)

// rules are all decisions of the line, as data.
type rules struct {
	next   map[Stage]map[event]Stage
	resume []resumption
	mark   map[Stage]mark
	ends   map[Stage]journal.Outcome

	phase     map[Stage]journal.Phase // under which a stage's steps stand in the journal
	tried     map[Stage]int           // how often a stage is gone through until it succeeds; once when it is not here
	revocable map[Stage]bool          // the admin's wish to go back is heeded

	starts int           // engine processes that may work on an attempt before a person is asked
	pause  time.Duration // between two tries
	poll   time.Duration // how often the admin's wish is looked for while a step waits
}

// resumption tells which stage a record is resumed in.
type resumption struct {
	phase                   journal.Phase
	back, touched, restored is
	stage                   Stage
}

// is compares a fact with what a rule demands.
type is int

const (
	either is = iota
	yes
	no
)

func (i is) match(fact bool) bool { return i == either || (i == yes) == fact }

// mark is what is made durable when a stage is entered, before its first step.
type mark struct {
	change func(*journal.Record)
	commit bool // everything is synced before the change; when that fails the stage before has failed
}

func transitions() *rules {
	back := mark{change: func(r *journal.Record) { r.Back = true }}
	return &rules{
		next: map[Stage]map[event]Stage{
			Prepare: {done: Switch, refused: notBegun, failed: Undo},
			Switch:  {done: Open, failed: Reopen, failedDown: Restore},
			Open:    {done: upgraded, failedDown: needsAPerson},
			Undo:    {done: rolledBack, failed: needsAPerson},
			Reopen:  {done: rolledBack, failed: needsAPerson},
			Restore: {done: Serve, failedDown: needsAPerson},
			Serve:   {done: rolledBack, failedDown: needsAPerson},
		},
		resume: []resumption{
			{phase: journal.Preparing, back: no, stage: Prepare},
			{phase: journal.Preparing, back: yes, stage: Undo},
			{phase: journal.Switching, touched: no, stage: Reopen},
			{phase: journal.Switching, touched: yes, restored: no, stage: Restore},
			{phase: journal.Switching, touched: yes, restored: yes, stage: Serve},
			{phase: journal.Opening, stage: Open},
		},
		mark: map[Stage]mark{
			Switch:  {change: func(r *journal.Record) { r.Phase = journal.Switching }},
			Open:    {change: func(r *journal.Record) { r.Phase = journal.Opening }, commit: true},
			Undo:    back,
			Reopen:  back,
			Restore: back,
			Serve:   {change: func(r *journal.Record) { r.Restored = true }, commit: true},
		},
		ends: map[Stage]journal.Outcome{
			upgraded: journal.Upgraded, notBegun: journal.Refused, rolledBack: journal.RolledBack, needsAPerson: journal.NeedsAPerson,
		},
		phase: map[Stage]journal.Phase{
			Prepare: journal.Preparing, Switch: journal.Switching, Open: journal.Opening,
			Undo: journal.Preparing, Reopen: journal.Switching, Restore: journal.Switching, Serve: journal.Switching,
		},
		tried:     map[Stage]int{Open: 3, Undo: 3, Reopen: 3, Restore: 3, Serve: 3},
		revocable: map[Stage]bool{Prepare: true, Switch: true},
		starts:    12,
		pause:     5 * time.Second,
		poll:      200 * time.Millisecond,
	}
}

// stageOf is the stage that a record is in, "" when no rule knows it.
func (t *rules) stageOf(s Steps, r journal.Record) Stage {
	touched := s.servicesTouched(r)
	for _, row := range t.resume {
		if row.phase == r.Phase && row.back.match(r.Back) && row.touched.match(touched) && row.restored.match(r.Restored) {
			return row.stage
		}
	}
	return ""
}
