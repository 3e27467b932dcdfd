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
	"os"
	"path/filepath"
	"sync"
	"time"

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
	From     string    `json:"from"`
	To       string    `json:"to"`
	Revision int       `json:"revision"`
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended,omitzero"`

	Phase   Phase   `json:"phase"`
	Back    bool    `json:"back"`    // everything converges to old
	Outcome Outcome `json:"outcome"` //
	Starts  int     `json:"starts"`  // engine processes that worked on this attempt
	Error   string  `json:"error"`   // the first cause; later ones are in the steps
	Step    string  `json:"step"`    // the step that failed first
	Todo    string  `json:"todo"`    // what a person is to do about it

	Optional []string         `json:"optional"`          // optional packages the host had
	Enabled  map[string]bool  `json:"enabled"`           // units of the product -> started at boot, before the upgrade
	Active   map[string]bool  `json:"active"`            // units of the product -> active, before the upgrade
	Schema   map[string]int64 `json:"schema"`            // database -> number of its last migration before the upgrade
	Closed   time.Time        `json:"closed,omitzero"`   // last answer of the door before the window
	Reopened time.Time        `json:"reopened,omitzero"` // first answer after it
	Probed   bool             `json:"probed"`            // both are answers; otherwise the times of stop and start
	Warnings []string         `json:"warnings"`
	Hooks    []string         `json:"hooks,omitempty"` // hooks that began, in their order: undone in reverse

	Steps []Step `json:"steps"`
}

// Step is one thing the engine did, or began to do.
type Step struct {
	Phase Phase     `json:"phase"`
	Name  string    `json:"name"`
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended,omitzero"` // zero while it runs, and for ever when it was interrupted
	Error string    `json:"error,omitempty"`
}

// Window is the time the product did not serve, 0 while it is not known.
func (r *Record) Window() time.Duration {
	if r.Closed.IsZero() || r.Reopened.IsZero() {
		return 0
	}
	return r.Reopened.Sub(r.Closed)
}

// Journal is the record on disk. Its methods may be called from several goroutines.
type Journal struct {
	path string
	mu   sync.Mutex
	rec  Record
}

// Create makes the journal of a new attempt in dir, which must exist.
func Create(dir string, first Record) (*Journal, error) {
	j := &Journal{path: filepath.Join(dir, "journal.json"), rec: first}
	return j, j.save()
}

// Open reads the journal in dir.
func Open(dir string) (*Journal, error) {
	path := filepath.Join(dir, "journal.json")
	rec, err := Read(dir)
	if err != nil {
		return nil, err
	}
	rec.enter()
	return &Journal{path: path, rec: rec}, nil
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
	if rec.ID == "" || rec.Phase == "" {
		return rec, fmt.Errorf("read the journal %s: %w", path, errors.New("it names no attempt and no phase"))
	}
	return rec, nil
}

// Record returns a copy of the record as it stands.
func (j *Journal) Record() Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.rec
	r.Steps = append([]Step(nil), r.Steps...)
	r.Warnings = append([]string(nil), r.Warnings...)
	return r
}

// Update changes the record and makes the change durable.
func (j *Journal) Update(change func(*Record)) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(&j.rec)
	return j.save()
}

// Begin records that a step begins and returns the function that records its end.
func (j *Journal) Begin(phase Phase, name string) (end func(error) error, err error) {
	var at int
	err = j.Update(func(r *Record) {
		r.Steps = append(r.Steps, Step{Phase: phase, Name: name, Began: now()})
		at = len(r.Steps) - 1
	})
	return func(failed error) error {
		return j.Update(func(r *Record) {
			r.Steps[at].Ended = now()
			if failed != nil {
				r.Steps[at].Error = failed.Error()
				if r.Error == "" {
					r.Error, r.Step = failed.Error(), name
				}
			}
		})
	}, err
}

func (j *Journal) save() error {
	data, err := json.MarshalIndent(j.rec, "", " ")
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	if err := host.WriteFile(j.path, append(data, '\n'), host.Attr{Mode: 0o600}); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	j.rec.enter()
	return nil
}

// enter names the points that follow by what is on disk now.
func (r *Record) enter() {
	where := string(r.Phase)
	switch {
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
