package random

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// phase is where an attempt stands, in the order in which a trial waits for it.
type phase string

const (
	starting  phase = "start" // there is no journal yet
	preparing phase = "prepare"
	switching phase = "switch"
	opening   phase = "open"
	back      phase = "back"
	ended     phase = "ended"
)

var ranks = map[phase]int{starting: 0, preparing: 1, switching: 2, opening: 3, back: 3, ended: 4}

// attempt is what a journal says, as far as a trial needs it.
type attempt struct {
	Phase   phase  `json:"phase"`
	Back    bool   `json:"back"`
	Outcome string `json:"outcome"`
	Steps   []struct {
		Name  string    `json:"name"`
		Ended time.Time `json:"ended"`
	} `json:"steps"`
}

// at is the phase as a trial names it.
func (a attempt) at() phase {
	switch {
	case a.Outcome != "":
		return ended
	case a.Back:
		return back
	case a.Phase == "":
		return starting
	}
	return a.Phase
}

// committed says whether the machine is the new release, or becomes it whatever comes.
func (a attempt) committed() bool { return a.Phase == opening || a.Outcome == "upgraded" }

// step is the step under way, or the last one.
func (a attempt) step() string {
	if len(a.Steps) == 0 {
		return ""
	}
	last := a.Steps[len(a.Steps)-1]
	if !last.Ended.IsZero() {
		return "after " + last.Name
	}
	return last.Name
}

// hit says where an attempt was when a fault came.
func (a attempt) hit() string {
	if at := a.at(); at == starting || at == ended {
		return string(at)
	}
	if s := a.step(); s != "" {
		return string(a.at()) + ": " + s
	}
	return string(a.at())
}

// watch reads the journal of the attempt that begins after it was made, from outside of the machine.
type watch struct {
	dir     string
	earlier map[string]bool
}

func watchOf(m *host.Machine) (*watch, error) {
	return newWatch(m.Path("/var/lib/" + machinecheck.Prefix))
}

func newWatch(dir string) (*watch, error) {
	w := &watch{dir: dir, earlier: map[string]bool{}}
	found, err := filepath.Glob(filepath.Join(dir, "*", "journal.json"))
	for _, path := range found {
		w.earlier[path] = true
	}
	return w, err
}

// look returns the attempt as it stands; an empty one while there is no journal.
func (w *watch) look() (attempt, error) {
	found, err := filepath.Glob(filepath.Join(w.dir, "*", "journal.json"))
	if err != nil {
		return attempt{}, err
	}
	for _, path := range found {
		if w.earlier[path] {
			continue
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return attempt{}, err
		}
		var a attempt
		return a, json.Unmarshal(text, &a)
	}
	return attempt{}, nil
}

// poll is the time between two looks at what a trial waits for.
const poll = 5 * time.Millisecond

// await waits until an attempt has come to a phase, or past it.
func (w *watch) await(ctx context.Context, p phase) (attempt, error) {
	for {
		a, err := w.look()
		if err != nil || ranks[a.at()] >= ranks[p] {
			return a, err
		}
		if err := sleep(ctx, poll); err != nil {
			return a, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(id, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, id), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, id, "journal.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("earlier", `{"phase": "done", "outcome": "upgraded"}`)
	w, err := newWatch(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ journal, hit string }{
		{``, "start"},
		{`{"phase": "prepare"}`, "prepare"},
		{`{"phase": "prepare", "steps": [{"name": "preflight"}]}`, "prepare: preflight"},
		{`{"phase": "switch", "steps": [{"name": "drain", "ended": "2026-01-01T00:00:00Z"}]}`, "switch: after drain"},
		{`{"phase": "switch", "back": true, "steps": [{"name": "files to old"}]}`, "back: files to old"},
		{`{"phase": "open"}`, "open"},
		{`{"phase": "done", "outcome": "upgraded"}`, "ended"},
		{`{"phase": "switch", "back": true, "outcome": "rolled-back"}`, "ended"},
	} {
		if c.journal != "" {
			write("now", c.journal)
		}
		if a, err := w.look(); err != nil || a.hit() != c.hit {
			t.Errorf("%s: %q, %v; want %q", c.journal, a.hit(), err, c.hit)
		}
	}
	if a, err := w.await(t.Context(), opening); err != nil || a.at() != ended {
		t.Errorf("an attempt that is past the phase: %v, %v", a, err)
	}
	write("now", `{"phase": "prepare"}`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.await(ctx, switching); !errors.Is(err, context.Canceled) {
		t.Errorf("a phase that does not come: %v", err)
	}
	write("now", `{`)
	if _, err := w.look(); err == nil {
		t.Error("half a journal is taken for one")
	}
}
