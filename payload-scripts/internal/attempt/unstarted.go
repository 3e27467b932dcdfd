package attempt

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/layout"
)

// Unstarted tells why an installation or a start of a bundle began no attempt. It is overtaken by the next attempt
// that begins, and never has to be removed for that.
type Unstarted struct {
	To       string            `json:"to"`
	Revision int               `json:"revision"`
	After    string            `json:"after,omitempty"` // id of the newest attempt of that bundle at the time
	Time     time.Time         `json:"time"`
	Why      string            `json:"why"` // for people, a clause
	Refused  bool              `json:"refused"`
	Findings []finding.Finding `json:"findings,omitempty"` // of the check that refused
}

// NoteUnstarted writes it, durably, in the place of an older one.
func NoteUnstarted(p layout.Places, u Unstarted) error {
	data, err := json.MarshalIndent(u, "", " ")
	if err == nil {
		err = os.MkdirAll(p.Var(), 0o700)
	}
	if err == nil {
		err = host.WriteFile(p.Unstarted(u.To), append(data, '\n'), host.Attr{Mode: 0o600})
	}
	if err != nil {
		return fmt.Errorf("note why no upgrade was started: %w", err)
	}
	return nil
}

// ReadUnstarted returns what was noted for the bundle since its newest attempt, whose id is after; nil when there is nothing.
func ReadUnstarted(p layout.Places, to, after string) (*Unstarted, error) {
	data, err := os.ReadFile(p.Unstarted(to))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var u Unstarted
	if err == nil {
		err = json.Unmarshal(data, &u)
	}
	if err != nil {
		return nil, fmt.Errorf("read why no upgrade was started: %s: %w", p.Unstarted(to), err)
	}
	if u.After != after {
		return nil, nil
	}
	return &u, nil
}
