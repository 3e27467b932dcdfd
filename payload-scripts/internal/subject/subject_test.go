package subject

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
)

func TestCheckID(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"4.2.0-1-20260301T120000.000Z", "1.0~rc1-10-20260301T120000.000Z", "4.2.0^git-1-x"} {
		if err := CheckID(id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	for _, id := range []string{"", ".", "..", "../a", "a/b", "/a", "-a", "a b", "a\n", "a\x00"} {
		if CheckID(id) == nil {
			t.Errorf("%q is taken for an id", id)
		}
	}
}

// TestFind goes through what happens on a machine, one after the other.
func TestFind(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	b := &layout.Bundle{Dir: filepath.Join(root, "opt/p/4.2.0"), Root: root, Manifest: &manifest.Manifest{Prefix: "p", From: "4.1.1", To: "4.2.0"}}
	p := b.Places()
	is := func(when, id string, want Subject, why string) {
		t.Helper()
		got, err := Find(b, id)
		if err != nil || got.ID != want.ID || got.Newest != want.Newest || got.Never != want.Never || (got.None == nil) != (why == "") {
			t.Errorf("%s: %+v, %v", when, got, err)
		}
		if got.None != nil && (got.None.Why != why || got.None.Outcome != answer.NotStartedWord || got.None.Findings == nil) {
			t.Errorf("%s: %+v", when, got.None)
		}
	}
	number := 0
	begin := func(id string, o journal.Outcome, word string) {
		t.Helper()
		number++
		err := os.MkdirAll(p.At(id).Var, 0o700)
		if err == nil {
			_, err = journal.Create(p.At(id).Var, journal.Record{ID: id, Number: number, From: "4.1.1", To: "4.2.0", Phase: journal.Switching, Starts: 1, Outcome: o})
		}
		if err == nil {
			err = attempt.SetState(p, word)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	note := func(u attempt.Unstarted) {
		t.Helper()
		u.To, u.Time = "4.2.0", time.Now()
		if err := attempt.NoteUnstarted(p, u); err != nil {
			t.Fatal(err)
		}
	}
	a, other := Subject{Attempt: p.At("4.2.0-1-a"), Newest: true}, Subject{Attempt: p.At("4.2.0-1-b"), Newest: true}
	is("at first", "", Subject{Never: true}, "no upgrade to 4.2.0 was started on this machine")
	note(attempt.Unstarted{Why: "manual is there"})
	is("installed", "", Subject{}, "manual is there")
	begin(a.ID, journal.Running, attempt.Running)
	is("under way", "", a, "")
	begin(a.ID, journal.RolledBack, attempt.RolledBack)
	is("went back", "", a, "")
	note(attempt.Unstarted{Why: "it was refused", Refused: true, After: a.ID, Findings: []finding.Finding{{ID: "no-room"}}})
	is("refused", "", Subject{}, "it was refused")
	is("refused, and asked about the one before", a.ID, a, "")
	gate := func(text string) {
		t.Helper()
		if err := os.WriteFile(p.Gate(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	gate(a.ID + "\np-4.3.0\n4.2.0\n4.3.0\nthere is no room\nfree some\n")
	is("the next bundle's gate refused", "", Subject{}, "there is no room\nfree some")
	if s, err := Find(b, ""); err != nil || s.None.Bundle != "p-4.3.0" || s.None.From != "4.2.0" || s.None.To != "4.3.0" || !s.None.Refused || s.None.Before != a.ID {
		t.Errorf("%+v, %v", s.None, err)
	}
	is("the next bundle's gate refused, and asked about the one before", a.ID, a, "")
	gate(a.ID + "\np-4.3.0\n4.2.0\n") // cut off
	is("half a note", "", Subject{}, "it was refused")
	gate(a.ID + "\np-4.3.0\n4.2.0\n4.3.0\nthere is no room\n")
	begin(other.ID, journal.NeedsAPerson, attempt.NeedsAPerson)
	note(attempt.Unstarted{Why: "it needs a person", After: other.ID})
	is("needs a person", "", other, "")
	a.Newest = false
	is("needs a person, and asked about an older one", a.ID, a, "")
	is("asked about none", "4.2.0-1-c", Subject{}, "there is no upgrade 4.2.0-1-c on record on this machine")
}
