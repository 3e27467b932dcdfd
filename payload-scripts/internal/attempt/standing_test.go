package attempt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
)

// begun makes an attempt with what change makes of its journal.
func begun(t *testing.T, p layout.Places, id string, number int, change func(*journal.Record)) layout.Attempt {
	t.Helper()
	a := p.At(id)
	if err := os.MkdirAll(a.Var, 0o700); err != nil {
		t.Fatal(err)
	}
	rec := journal.Record{ID: id, Number: number, From: "4.1.1", To: "4.2.0", Phase: journal.Switching, Starts: 1}
	change(&rec)
	if _, err := journal.Create(a.Var, rec); err != nil {
		t.Fatal(err)
	}
	return a
}

func ends(o journal.Outcome) func(*journal.Record) {
	return func(r *journal.Record) { r.Outcome, r.Error, r.Ended = o, "the cause", time.Now() }
}

// TestStand: the word of the file holds, but for an attempt whose journal says that it has not ended.
func TestStand(t *testing.T) {
	t.Parallel()
	runs := func(*journal.Record) {}
	for name, c := range map[string]struct {
		word    string
		newest  func(*journal.Record) // nil for none
		damaged bool                  // its journal
		window  bool
		want    Standing
	}{
		"never used":                      {want: Standing{Word: Idle}},
		"at work":                         {word: Running, newest: runs, want: Standing{Word: Running, ID: "b"}},
		"ended":                           {word: Done, newest: ends(journal.Upgraded), want: Standing{Word: Done, ID: "b"}},
		"went back":                       {word: RolledBack, newest: ends(journal.RolledBack), want: Standing{Word: RolledBack, ID: "b"}},
		"needs a person":                  {word: NeedsAPerson, newest: ends(journal.NeedsAPerson), window: true, want: Standing{Word: NeedsAPerson, ID: "b"}},
		"killed before the word":          {word: Running, newest: ends(journal.NeedsAPerson), want: Standing{Word: Running, ID: "b"}},
		"killed while it resumed":         {word: NeedsAPerson, newest: runs, want: Standing{Word: Running, ID: "b"}},
		"the word was removed, at work":   {newest: runs, window: true, want: Standing{Word: Running, ID: "b"}},
		"the word was removed, a person":  {newest: ends(journal.NeedsAPerson), want: Standing{Word: NeedsAPerson, ID: "b"}},
		"its start was cut short":         {word: Done, newest: func(r *journal.Record) { r.Starts = 0 }, want: Standing{Word: Done, ID: "b"}},
		"damaged journal":                 {word: Done, newest: ends(journal.Upgraded), damaged: true, want: Standing{Word: Done, ID: "b"}},
		"damaged journal, needs a person": {word: NeedsAPerson, newest: ends(journal.NeedsAPerson), damaged: true, want: Standing{Word: NeedsAPerson, ID: "b"}},
		"no record, units held down":      {window: true, want: Standing{Word: NeedsAPerson, Held: true}},
		"no record, at work":              {word: Running, want: Standing{Word: Running}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := bundle(t).Places()
			if c.word != "" || c.window {
				if err := os.MkdirAll(p.Var(), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if c.word != "" {
				if err := SetState(p, c.word); err != nil {
					t.Fatal(err)
				}
			}
			if c.newest != nil {
				begun(t, p, "a", 1, ends(journal.NeedsAPerson)) // an older one decides nothing
				a := begun(t, p, "b", 2, c.newest)
				if c.damaged {
					write(t, filepath.Join(a.Var, "journal.json"), "{")
					write(t, filepath.Join(p.At("a").Var, "journal.json"), `{"id": "a", "number": 0}`)
				}
			}
			if c.window {
				write(t, p.Window(), "")
			}
			if c.damaged {
				if err := os.MkdirAll(p.Run(), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink("b", p.Current()); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Stand(p)
			if err != nil || got.Word != c.want.Word || got.ID != c.want.ID || got.Held != c.want.Held {
				t.Errorf("%+v, %v", got, err)
			}
			if now, idle, err := StandNow(t.Context(), p); err != nil || now != got || idle != "" {
				t.Errorf("%+v, %q, %v", now, idle, err)
			}
		})
	}
	p := bundle(t).Places()
	write(t, p.Var(), "no folder")
	if _, _, err := StandNow(t.Context(), p); err == nil {
		t.Error("what cannot be read is told to be nothing")
	}
}

// TestStandingFinding: each state has one finding with what to do, and none advises to start what the upgrade has stopped.
func TestStandingFinding(t *testing.T) {
	t.Parallel()
	known := Standing{ID: "4.2.0-1-x", From: "4.1.1", To: "4.2.0", Phase: journal.Switching, Error: "no room"}
	as := func(s Standing, word string) Standing { s.Word = word; return s }
	const resumes = "which goes on from where it stands; until then start no service of the product by hand"
	for name, c := range map[string]struct {
		s          Standing
		idle       string
		command    bool // the product's command is there, and the state word is the standing's
		id         string
		what, does []string
	}{
		"at work": {s: as(known, Running), command: true, id: "under-way",
			what: []string{"the upgrade from 4.1.1 to 4.2.0 (4.2.0-1-x) is under way"}, does: []string{"`p status --follow`", "`p wait`"}},
		"at work, unknown": {s: Standing{Word: Running}, id: "under-way", what: []string{"an upgrade is under way"}},
		"stopped": {s: as(known, Running), idle: "p.service is failed", command: true, id: "needs-a-person",
			what: []string{"was stopped half-way, in phase switch", "p.service is failed", "nothing else was looked at"}, does: []string{"remove that cause", "`p start`", resumes}},
		"needs a person": {s: as(known, NeedsAPerson), command: true, id: "needs-a-person",
			what: []string{"(4.2.0-1-x) needs a person, because: no room; nothing else was looked at"}, does: []string{"`p report`", "`p start`", resumes}},
		"its word is gone": {s: as(known, NeedsAPerson), id: "needs-a-person", does: []string{"run/4.2.0-1-x/bin/engine report`", "run/4.2.0-1-x/bin/engine start`", resumes}},
		"damaged journal":  {s: Standing{Word: NeedsAPerson, ID: "4.2.0-1-x"}, id: "needs-a-person", what: []string{"the upgrade 4.2.0-1-x needs a person; nothing"}},
		"held":             {s: Standing{Word: NeedsAPerson, Held: true}, id: "needs-a-person", what: []string{"/window is there", "no record"}, does: []string{"from a backup of this machine", resumes}},
		"no record":        {s: Standing{Word: Running}, idle: "p.service is inactive", id: "needs-a-person", what: []string{"/state says", `"running"`, "no record"}, does: []string{"from a backup", "where no upgrade was ever run, remove"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := bundle(t).Places()
			if c.command {
				write(t, p.Command(), "")
				write(t, p.State(), c.s.Word+"\n")
			}
			f := c.s.Finding(p, c.idle)
			if f.ID != c.id || f.Level != "refuse" || f.Do == "" {
				t.Errorf("%+v", f)
			}
			for text, want := range map[string][]string{f.What: c.what, f.Do: c.does} {
				for _, w := range want {
					if !strings.Contains(text, w) {
						t.Errorf("%q lacks in %q", w, text)
					}
				}
			}
			if strings.Contains(f.Do, "systemctl") || strings.HasSuffix(f.Do, ".") {
				t.Errorf("it advises: %s", f.Do)
			}
		})
	}
}
