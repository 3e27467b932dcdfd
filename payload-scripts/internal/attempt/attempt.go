// Package attempt makes, finds, starts and clears away the attempts to upgrade this
// host. An attempt holds hard links to all it needs of the bundle, so that removing or
// updating the bundle's RPM harms nothing, and a unit carries it on after a reboot.
package attempt

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
)

// State words, for the next bundle's gate.
const (
	Idle         = "idle"
	Running      = "running"
	Done         = "done"
	RolledBack   = "rolled-back"
	NeedsAPerson = "needs-a-person"
)

// State reads the state word, Idle when there is none.
func State(p layout.Places) (string, error) {
	data, err := os.ReadFile(p.State())
	if errors.Is(err, os.ErrNotExist) {
		return Idle, nil
	}
	if err != nil {
		return "", fmt.Errorf("read the state of upgrades: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// SetState writes the state word.
func SetState(p layout.Places, word string) error {
	return host.WriteFile(p.State(), []byte(word+"\n"), host.Attr{Mode: 0o600})
}

// Readable tells why it cannot be known which attempts there were, nil when it can.
func Readable(p layout.Places) error {
	_, err := attempts(p)
	return err
}

// Latest returns the newest attempt to reach a release, with false when there is none, or none that is Readable.
func Latest(p layout.Places, to string) (layout.Attempt, bool) {
	all, err := attempts(p)
	if err != nil {
		return layout.Attempt{}, false
	}
	for _, s := range slices.Backward(all) {
		if strings.HasPrefix(s.ID, to+"-") {
			return p.At(s.ID), true
		}
	}
	return layout.Attempt{}, false
}

// Past is an attempt as its journal has it, whichever engine wrote that.
type Past struct {
	ID         string          `json:"id"`                   // id of the upgrade
	From       string          `json:"from"`                 // release that it started from; empty where its journal cannot be read
	To         string          `json:"to"`                   // release that it leads to; likewise
	Revision   int             `json:"revision"`             // revision of its bundle
	Outcome    journal.Outcome `json:"outcome"`              // how it ended; empty while it runs
	Began      time.Time       `json:"began,omitzero"`       // when it began
	Ended      time.Time       `json:"ended,omitzero"`       // when it ended
	Closed     time.Time       `json:"closed,omitzero"`      // until when the product served before the window
	Reopened   time.Time       `json:"reopened,omitzero"`    // since when it served after it
	Step       string          `json:"step,omitempty"`       // the step that failed first
	Error      string          `json:"error,omitempty"`      // the first cause of a failure
	Unreadable bool            `json:"unreadable,omitempty"` // whether its journal cannot be read; it is taken for one that needs a person
}

// Window is the time without service, 0 while it is not known.
func (a Past) Window() time.Duration {
	if a.Closed.IsZero() || a.Reopened.IsZero() {
		return 0
	}
	return a.Reopened.Sub(a.Closed)
}

// History returns all attempts that are on record, oldest first.
func History(p layout.Places) ([]Past, error) {
	all, err := attempts(p)
	if err != nil {
		return nil, err
	}
	out := make([]Past, len(all))
	for i, s := range all {
		data, err := os.ReadFile(filepath.Join(p.At(s.ID).Var, "journal.json"))
		if err != nil || json.Unmarshal(data, &out[i]) != nil || out[i].ID != s.ID {
			out[i] = Past{ID: s.ID, Outcome: journal.NeedsAPerson, Unreadable: true}
		}
	}
	return out, nil
}

// summary is what is read of the journal of any attempt, another engine's too.
type summary struct {
	ID      string          `json:"id"`
	Number  int             `json:"number"`
	From    string          `json:"from"`
	To      string          `json:"to"`
	Phase   journal.Phase   `json:"phase"`
	Outcome journal.Outcome `json:"outcome"`
	Began   time.Time       `json:"began"`
	Ended   time.Time       `json:"ended"`
	Error   string          `json:"error"` // the first cause of a failure
	Late    []string        `json:"late"`  // packages that are to be erased yet

	unreadable bool
}

// attempts reads every attempt's journal, oldest first. Their numbers tell the order: a clock may have
// been wrong. One whose journal cannot be read is taken for one that needs a person.
func attempts(p layout.Places) ([]summary, error) {
	folders, err := os.ReadDir(p.Var()) // filepath.Glob would take what it may not read for nothing
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the attempts that were made: %w", err)
	}
	var all []summary
	for _, folder := range folders {
		id := folder.Name()
		data, err := os.ReadFile(filepath.Join(p.Var(), id, "journal.json"))
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read a journal: %w", err)
		}
		s := summary{}
		if json.Unmarshal(data, &s) != nil || s.ID != id {
			s = summary{ID: id, Outcome: journal.NeedsAPerson, unreadable: true} // not ours to judge
			if current, err := os.Readlink(p.Current()); err == nil && current == id {
				s.Number = math.MaxInt // it is the newest, whatever its journal said
			}
		}
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b summary) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), strings.Compare(startTime(a.ID), startTime(b.ID)))
	})
	return all, nil
}

// startTime is the time in an attempt's ID, as text that sorts by time.
func startTime(id string) string { return id[strings.LastIndex(id, "-")+1:] }
