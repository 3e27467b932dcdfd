package command

import (
	"os"
	"testing"
	"time"

	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/journal"
)

var noRoom = []finding.Finding{
	{ID: "room", Level: finding.Refuse, What: "no room", Do: "make room"},
	{ID: "lock", Level: finding.Warn, What: "something else"},
}

// TestWaitTellsWhatBeganNoAttempt: a wait after an installation that began no attempt tells why, whatever became of an
// attempt before, and tells of the next attempt as soon as there is one.
func TestWaitTellsWhatBeganNoAttempt(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*journal.Record) // what became of an attempt before; nil without one
		note   attempt.Unstarted
		code   int
		want   []string
	}{
		"refused":                  {nil, attempt.Unstarted{Why: "it was refused", Refused: true, Findings: noRoom}, 3, []string{"refuse  room: no room", "make room", "it was refused", "p check"}},
		"refused after a way back": {rolledBack, attempt.Unstarted{Why: "it was refused", Refused: true, Findings: noRoom}, 3, []string{"no room"}},
		"left to the admin":        {upgraded, attempt.Unstarted{Why: "manual is there"}, 8, []string{"no upgrade to 4.2.0 was started", "manual is there", "p start"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.bundle.Places()
			c.note.To = "4.2.0"
			if c.before != nil {
				w.attempt(id, c.before)
				c.note.After = id
			}
			if err := attempt.NoteUnstarted(p, c.note); err != nil {
				t.Fatal(err)
			}
			out, _ := w.run(c.code, "wait")
			contains(t, out, c.want...)
			out, _ = w.run(c.code, "wait", "--json")
			if got := decode[map[string]any](t, out); got["outcome"] != "not-started" || got["refused"] != c.note.Refused || got["why"] != c.note.Why {
				t.Errorf("%s", out)
			}
			w.attempt("4.2.0-1-20260301T130000.000Z", rolledBack)
			out, _ = w.run(4, "wait")
			contains(t, out, "rolled back")
		})
	}
}

func TestWaitWithADamagedNote(t *testing.T) {
	w := newWorld(t)
	w.write(w.bundle.Places().Unstarted("4.2.0"), "{")
	_, stderr := w.run(1, "wait")
	contains(t, stderr, "not-started-4.2.0.json")
}

// TestInstalledBesideAnAttempt starts nothing, and leaves no note that a wait would tell.
func TestInstalledBesideAnAttempt(t *testing.T) {
	for word, code := range map[string]int{attempt.Running: 7, attempt.NeedsAPerson: 5} {
		w := anotherWorld(t)
		w.attempt(id, map[string]func(*journal.Record){attempt.Running: func(*journal.Record) {}, attempt.NeedsAPerson: needsAPerson}[word])
		w.state(word)
		w.run(code, "installed", "--first")
		if _, err := os.Stat(w.bundle.Places().Unstarted("4.2.0")); !os.IsNotExist(err) {
			t.Errorf("%s: %v", word, err)
		}
	}
}

// TestInstalledWhereItIsRefused notes why, durably, for the wait.
func TestInstalledWhereItIsRefused(t *testing.T) {
	w := newWorld(t)
	w.attempt(id, rolledBack)
	w.state(attempt.RolledBack)
	out, _ := w.run(3, "installed", "--first")
	contains(t, out, "refuse ", "the upgrade to 4.2.0 was not started", "p check", "p start")
	u, err := attempt.ReadUnstarted(w.bundle.Places(), "4.2.0", id)
	if err != nil || u == nil || !u.Refused || len(u.Findings) == 0 || time.Since(u.Time) > time.Hour {
		t.Fatalf("noted: %+v, %v", u, err)
	}
	out, _ = w.run(3, "wait")
	contains(t, out, u.Findings[0].What, "refused when its package was installed")
	out, _ = w.run(3, "start")
	contains(t, out, "refuse ")
	out, _ = w.run(3, "wait")
	contains(t, out, "refused when it was to be started")
}
