package attempt

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/layout"
)

// Gated is an installation that a bundle's gate has refused. The gate notes it where an upgrade was run before, whose end
// a program would be told otherwise: the file has, a line each, the id of the newest attempt then, the bundle's package and
// the two releases, and behind them what the gate said.
type Gated struct {
	After    string
	Bundle   string
	From, To string
	Why      string // lines
	Time     time.Time
}

const (
	gateHead = 4       // lines before what the gate said
	gateMax  = 1 << 20 // bytes
)

// ReadGated returns the installation that was refused since the newest attempt, whose id is after; nil when there is none. A
// note that was cut off is none.
func ReadGated(p layout.Places, after string) (*Gated, error) {
	info, err := os.Stat(p.Gate())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var data []byte
	if err == nil {
		data, err = host.ReadFile(p.Gate(), gateMax)
	}
	if err != nil {
		return nil, fmt.Errorf("read what a bundle's gate has refused: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) <= gateHead || lines[0] != after {
		return nil, nil
	}
	return &Gated{After: lines[0], Bundle: lines[1], From: lines[2], To: lines[3], Why: strings.Join(lines[gateHead:], "\n"), Time: info.ModTime().UTC().Truncate(time.Second)}, nil
}

// ForgetGated removes that note: something was begun after it.
func ForgetGated(p layout.Places) error {
	if !exists(p.Gate()) {
		return nil
	}
	return host.Remove(p.Gate())
}
