// Package journal is the durable record of one attempt: which phase it is in,
// what began, what ended, what was found at the start and must be found again.
// Every change is on disk, whole, before it is reported as made: after a power
// cut the journal says either what it said before the change or after it.
package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/host"
)

// Phase is a part of the line that an upgrade goes along.
type Phase string

// The phases in their order. An attempt that goes back stays in the phase it
// came to and has Record.Back set.
const (
	Preparing Phase = "prepare" // the product serves; nothing of it is changed but the schema, by expand migrations
	Switching Phase = "switch"  // the window: everything becomes new
	Opening   Phase = "open"    // after the commit: forward only
	Finished  Phase = "done"
)

// Outcome is how an attempt ended.
type Outcome string

// The outcomes; each has an exit code of its own.
const (
	Running      Outcome = ""               // still under way
	Upgraded     Outcome = "upgraded"       // all new
	Refused      Outcome = "refused"        // nothing was changed
	RolledBack   Outcome = "rolled-back"    // all old
	NeedsAPerson Outcome = "needs-a-person" // neither could be reached
)

// Record is what the journal holds.
type Record struct {
	ID       string    `json:"id"`
	Number   int       `json:"number"` // of the attempts on this host, from 1: their order, whatever the clock says
	From     string    `json:"from"`
	To       string    `json:"to"`
	Revision int       `json:"revision"`
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended,omitzero"`

	Phase    Phase   `json:"phase"`
	Back     bool    `json:"back"`              // everything converges to old
	Restored bool    `json:"restored"`          // everything is old again: from here on nothing is stopped or restored any more
	Outcome  Outcome `json:"outcome"`           //
	Starts   int     `json:"starts"`            // engine processes that worked on this attempt
	Error    string  `json:"error"`             // the first cause; later ones are in the steps
	Step     string  `json:"step"`              // the step that failed first
	Todo     string  `json:"todo"`              // what a person is to do about it
	Stopped  string  `json:"stopped,omitempty"` // of an attempt that needs a person: what kept it from its end, other than the first cause perhaps

	Optional []string         `json:"optional"`          // optional packages the host had
	Services Services         `json:"services"`          // the units of the product, before the upgrade
	Schema   map[string]int64 `json:"schema"`            // database -> number of its last migration before the upgrade
	Closed   time.Time        `json:"closed,omitzero"`   // last answer of the door before the window
	Reopened time.Time        `json:"reopened,omitzero"` // first answer after it
	Probed   bool             `json:"probed"`            // both are answers; otherwise the times of stop and start
	Hold     []uint16         `json:"hold,omitempty"`    // ports whose new clients can be kept waiting while the door is shut
	Clients  *Clients         `json:"clients,omitempty"` // those that were; nil when none could be
	Warnings []string         `json:"warnings"`
	Hooks    []string         `json:"hooks,omitempty"` // hooks that began, in their order: undone in reverse

	Early      bool     `json:"early,omitempty"`       // the packages that come early may be there, and their services
	EarlySetup []string `json:"early_setup,omitempty"` // those of the services that are set up
	Late       []string `json:"late,omitempty"`        // packages that were to be erased after the commit and could not be

	Steps []Step `json:"steps"`
}

// Step is one thing the engine did, or began to do.
type Step struct {
	Phase Phase     `json:"phase"`           // the phase that it belongs to
	Name  string    `json:"name"`            // what is done, for people
	Began time.Time `json:"began"`           // when it began
	Ended time.Time `json:"ended,omitzero"`  // when it ended; never for one that was interrupted
	Error string    `json:"error,omitempty"` // why it failed
	Back  bool      `json:"back,omitempty"`  // whether it is one of the way back
}

// Clients are those that came while the door was shut and were kept waiting.
type Clients struct {
	Taken    int           `json:"taken"`    // how many connections were taken
	Left     int           `json:"left"`     // how many of them went before the door opened
	TimedOut int           `json:"timedOut"` // how many were turned away after the longest wait
	Failed   int           `json:"failed"`   // how many could not be passed on
	Answered int           `json:"answered"` // how many did not wait: they were told to come back
	Longest  time.Duration `json:"longest"`  // longest wait, in nanoseconds
}

// Window is the time the product did not serve, 0 while it is not known.
func (r *Record) Window() time.Duration {
	if r.Closed.IsZero() || r.Reopened.IsZero() {
		return 0
	}
	return r.Reopened.Sub(r.Closed)
}

// Changed reports whether something of the host was changed, or begun to be, that the way back from
// prepare takes back.
func (r *Record) Changed() bool { return r.Schema != nil || len(r.Hooks) > 0 || r.Early }

// HasStep reports whether a step of a name ever began.
func (r *Record) HasStep(step string) bool {
	return slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Name == step })
}

// Journal is a record and where it is kept. Its methods may be called from several goroutines.
type Journal struct {
	store func(Record) error
	mu    sync.Mutex
	rec   Record
	full  func(*Record) bool
}

// New returns a journal whose changes are made durable by store. Create and Open use a file.
func New(rec Record, store func(Record) error) *Journal { return &Journal{rec: rec, store: store} }

// Create makes the journal of a new attempt in dir, which must exist.
func Create(dir string, first Record) (*Journal, error) {
	j := New(first, file(dir))
	return j, j.Update(func(*Record) {})
}

// Open reads the journal in dir.
func Open(dir string) (*Journal, error) {
	rec, err := Read(dir)
	if err != nil {
		return nil, err
	}
	rec.enter()
	return New(rec, file(dir)), nil
}

// OnFull sets what is called when the disk is full: it may free space and change the record,
// and says whether the write is tried once more.
func (j *Journal) OnFull(makeRoom func(*Record) bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.full = makeRoom
}

// Read returns the record in dir, as another process may read it at any moment.
// The error wraps os.ErrNotExist when there is none.
func Read(dir string) (Record, error) {
	var rec Record
	path := filepath.Join(dir, "journal.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return rec, fmt.Errorf("read the journal: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&rec); err != nil {
		return rec, fmt.Errorf("read the journal %s: %w", path, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return rec, fmt.Errorf("read the journal %s: %w", path, errors.New("it goes on after its end"))
	}
	if rec.ID == "" || rec.Phase == "" {
		return rec, fmt.Errorf("read the journal %s: %w", path, errors.New("it names no attempt and no phase"))
	}
	return rec, nil
}

// Record returns the record as it stands. Later changes do not show in it; its lists and maps
// are shared with other readers, so nobody may change them.
func (j *Journal) Record() Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.rec
}

func (r *Record) clone() Record {
	c := *r
	c.Optional, c.Warnings, c.Hooks = slices.Clone(r.Optional), slices.Clone(r.Warnings), slices.Clone(r.Hooks)
	c.EarlySetup = slices.Clone(r.EarlySetup)
	c.Steps = append(make([]Step, 0, len(r.Steps)+1), r.Steps...) // with room for the step that most changes begin
	c.Schema = maps.Clone(r.Schema)
	return c
}

// redact hides what an error or a warning quotes of secrets: reports show the record. What
// the record before has was redacted already.
func (r *Record) redact(before *Record) {
	hide := func(text *string, was string) {
		if *text != was {
			*text = redact.Prose(*text)
		}
	}
	hide(&r.Error, before.Error)
	hide(&r.Todo, before.Todo)
	hide(&r.Stopped, before.Stopped)
	for i := range r.Steps {
		was := ""
		if i < len(before.Steps) {
			was = before.Steps[i].Error
		}
		hide(&r.Steps[i].Error, was)
	}
	for i := range r.Warnings {
		was := ""
		if i < len(before.Warnings) {
			was = before.Warnings[i]
		}
		hide(&r.Warnings[i], was)
	}
}

// Update changes the record and makes the change durable. When it returns an error, the
// record is what it was before.
func (j *Journal) Update(change func(*Record)) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	next := j.rec.clone()
	change(&next)
	next.redact(&j.rec)
	err := j.store(next)
	if errors.Is(err, unix.ENOSPC) && j.full != nil && j.full(&next) {
		err = j.store(next)
	}
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	j.rec = next
	return nil
}

// Begin records that a step begins and returns the function that records its end. That a step has failed is durable at once, any
// other end with the change that follows: to whom resumes the line a step that ended and one that was stopped at its very end
// are the same, and the window has a write less for each.
func (j *Journal) Begin(phase Phase, name string) (end func(error) error, err error) {
	var at int
	err = j.Update(func(r *Record) {
		r.Steps = append(r.Steps, Step{Phase: phase, Name: name, Began: now(), Back: r.Back})
		at = len(r.Steps) - 1
	})
	return func(failed error) error {
		if failed == nil {
			j.ended(at)
			return nil
		}
		return j.Update(func(r *Record) {
			r.Steps[at].Ended, r.Steps[at].Error = now(), failed.Error()
			if r.Error == "" {
				r.Error, r.Step = failed.Error(), name
			}
		})
	}, err
}

// ended notes the end of a step, which the next change makes durable.
func (j *Journal) ended(at int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rec = j.rec.clone()
	j.rec.Steps[at].Ended = now()
	j.rec.enter()
}

// file keeps a record in dir.
func file(dir string) func(Record) error {
	path := filepath.Join(dir, "journal.json")
	return func(r Record) error {
		data, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			return err
		}
		if err := host.WriteFile(path, append(data, '\n'), host.Attr{Mode: 0o600}); err != nil {
			return err
		}
		r.enter()
		return nil
	}
}

// enter names the points that follow by what is on disk now.
func (r *Record) enter() {
	where := string(r.Phase)
	switch {
	case r.Restored:
		where = "back, after its commit"
	case r.Back && r.Phase == Preparing:
		where = "back, from prepare"
	case r.Back:
		where = "back, from the switch"
	}
	step := "-"
	if n := len(r.Steps); n > 0 {
		if step = r.Steps[n-1].Name; !r.Steps[n-1].Ended.IsZero() {
			step = "after " + step
		}
	}
	host.Enter(where, step)
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
