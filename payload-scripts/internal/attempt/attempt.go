// Package attempt makes, finds, starts and clears away the attempts to upgrade this
// host. An attempt holds hard links to all it needs of the bundle, so that removing or
// updating the bundle's RPM harms nothing, and a unit carries it on after a reboot.
package attempt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"onerpm/payload-scripts/internal/host"
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

// Latest returns the newest attempt to reach a release, with false when there is none.
func Latest(p layout.Places, to string) (layout.Attempt, bool) {
	found, err := filepath.Glob(filepath.Join(p.Var(), to+"-*", "journal.json"))
	if err != nil || len(found) == 0 {
		return layout.Attempt{}, false
	}
	latest := ""
	for _, path := range found {
		if id := filepath.Base(filepath.Dir(path)); latest == "" || begun(id) > begun(latest) {
			latest = id
		}
	}
	return p.At(latest), true
}

// begun is the time in an attempt's ID, as text that sorts by time.
func begun(id string) string { return id[strings.LastIndex(id, "-")+1:] }
