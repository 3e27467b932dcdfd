// Package estimate keeps what a rehearsal found out about the times of an upgrade, for those who look on at the
// upgrade later: when the product will be out of service, and until when. Nothing depends on it: a file that cannot
// be read is as good as none.
package estimate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
)

// Estimate is what a rehearsal of a bundle expects.
type Estimate struct {
	To       string            `json:"to"`
	Revision int               `json:"revision"`
	At       time.Time         `json:"at"`      // of the rehearsal
	Prepare  manifest.Duration `json:"prepare"` // before the window, as far as it could be tried
	Window   manifest.Duration `json:"window"`
}

// Expected is when the product is expected to go out of service and to serve again. The first is a fact once it has.
type Expected struct {
	Stops     time.Time         `json:"stops"`     // when it goes out of service
	Serves    time.Time         `json:"serves"`    // when it serves again
	Window    manifest.Duration `json:"window"`    // time between the two
	Rehearsed time.Time         `json:"rehearsed"` // when that was found out
}

// Write keeps an estimate in the place of an older one.
func Write(path string, e Estimate) error {
	data, err := json.MarshalIndent(e, "", " ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = host.WriteFile(path, append(data, '\n'), host.Attr{Mode: 0o600})
	}
	if err != nil {
		return fmt.Errorf("keep the times of the rehearsal: %w", err)
	}
	return nil
}

// Read returns the estimate for an attempt, with false when there is none: another revision of the bundle may take another time.
func Read(path string, of journal.Record) (Estimate, bool) {
	var e Estimate
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &e) != nil {
		return Estimate{}, false
	}
	return e, e.To == of.To && e.Revision == of.Revision && e.Window > 0
}

// Of is what is expected of an attempt that is under way to the new release and has not let its clients in again; nil of any other.
func (e Estimate) Of(rec journal.Record) *Expected {
	if rec.Outcome != journal.Running || rec.Back || !rec.Reopened.IsZero() || rec.Phase == journal.Opening {
		return nil
	}
	x := &Expected{Stops: rec.Closed, Window: e.Window, Rehearsed: e.At}
	if x.Stops.IsZero() {
		x.Stops = began(rec).Add(e.Prepare.D())
	}
	x.Serves = x.Stops.Add(e.Window.D())
	return x
}

// began is when the way there began: one that was stopped in prepare begins anew.
func began(rec journal.Record) time.Time {
	at := rec.Began
	for _, s := range rec.Steps {
		if s.Name == rec.Steps[0].Name && s.Phase == journal.Preparing {
			at = s.Began
		}
	}
	return at
}
