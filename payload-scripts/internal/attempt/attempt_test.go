package attempt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
)

// bundle makes a bundle with one file below a folder of the test.
func bundle(t *testing.T) *layout.Bundle {
	t.Helper()
	root := t.TempDir()
	b := &layout.Bundle{Dir: filepath.Join(root, "opt/p/4.2.0"), Root: root, Manifest: &manifest.Manifest{
		Product: "Product", Prefix: "p", From: "4.1.1", To: "4.2.0", Revision: 1, Files: []manifest.File{{Path: "bin/engine"}},
	}}
	for _, path := range []string{"manifest.json", "bin/engine"} {
		write(t, filepath.Join(b.Dir, path), path)
	}
	return b
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// create makes an attempt that was started.
func create(t *testing.T, b *layout.Bundle, at time.Time) layout.Attempt {
	t.Helper()
	a, err := Create(b, at)
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(a.Var)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Update(func(r *journal.Record) { r.Starts = 1 }); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestOrder: a clock that was ahead does not make an old attempt the newest.
func TestOrder(t *testing.T) {
	t.Parallel()
	b := bundle(t)
	p := b.Places()
	if a, ok := Latest(p, "4.2.0"); ok {
		t.Errorf("an attempt %v on a host that had none", a)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	first := create(t, b, now.AddDate(73, 0, 0))
	second := create(t, b, now)
	b.Manifest.Revision = 2
	third := create(t, b, now.AddDate(-1, 0, 0))
	b.Manifest.To = "4.3.0"
	other := create(t, b, now.AddDate(1, 0, 0))
	for to, want := range map[string]layout.Attempt{"4.2.0": third, "4.3.0": other} {
		if got, ok := Latest(p, to); !ok || got != want {
			t.Errorf("the latest to %s is %s, want %s", to, got.ID, want.ID)
		}
	}
	if _, ok := Latest(p, "4.2"); ok {
		t.Error("a release is taken for another whose name begins with its own")
	}
	all, err := attempts(p)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []layout.Attempt{first, second, third, other} {
		if all[i].ID != want.ID || all[i].Number != i+1 {
			t.Errorf("attempt %d is %+v, want %s", i+1, all[i], want.ID)
		}
	}
}

// TestOrderOfOlderEngines: their journals have no number, and their names tell the order.
func TestOrderOfOlderEngines(t *testing.T) {
	t.Parallel()
	b := bundle(t)
	p := b.Places()
	for _, id := range []string{"4.2.0-2-20260101T000000.000Z", "4.2.0-1-20260201T000000.000Z"} {
		write(t, filepath.Join(p.At(id).Var, "journal.json"), `{"id": "`+id+`", "phase": "prepare", "outcome": "refused"}`)
	}
	if got, ok := Latest(p, "4.2.0"); !ok || got.ID != "4.2.0-1-20260201T000000.000Z" {
		t.Errorf("the latest is %s", got.ID)
	}
	if a := create(t, b, time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)); first(Latest(p, "4.2.0")) != a {
		t.Errorf("a new attempt is not the latest: %s", first(Latest(p, "4.2.0")).ID)
	}
}

func first(a layout.Attempt, _ bool) layout.Attempt { return a }

// TestDamagedJournal of the attempt that was started last: nobody speaks of the one before instead.
func TestDamagedJournal(t *testing.T) {
	t.Parallel()
	b := bundle(t)
	p := b.Places()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	before, damaged := create(t, b, now), create(t, b, now.Add(time.Hour))
	write(t, filepath.Join(damaged.Var, "journal.json"), `{"id": "4.2`)
	if got := first(Latest(p, "4.2.0")); got != damaged {
		t.Errorf("the latest is %s", got.ID)
	}
	left, err := Leftovers(p, Keep{})
	if err != nil || len(left) != 0 {
		t.Errorf("%v can go, %v; neither of them has ended", left, err)
	}
	next := create(t, b, now.Add(-time.Hour))
	if got := first(Latest(p, "4.2.0")); got != next {
		t.Errorf("after it the latest is %s, want %s", got.ID, next.ID)
	}
	rec, err := journal.Read(next.Var)
	if err != nil || rec.Number != 2 {
		t.Errorf("its number is %d, %v", rec.Number, err)
	}
	if rec, err := journal.Read(before.Var); err != nil || rec.Number != 1 {
		t.Errorf("the first one's number is %d, %v", rec.Number, err)
	}
}

// TestCreate makes hard links, and nothing stays of a creation that was cut short.
func TestCreate(t *testing.T) {
	t.Parallel()
	b := bundle(t)
	p := b.Places()
	write(t, filepath.Join(p.Run(), "4.2.0-1-cut/bin/engine"), "left by a killed start")
	a := create(t, b, time.Now())
	if _, err := os.Stat(filepath.Join(p.Run(), "4.2.0-1-cut")); !os.IsNotExist(err) {
		t.Errorf("what was cut short is there: %v", err)
	}
	mine, err := os.Stat(filepath.Join(a.Run, "bin/engine"))
	if err != nil {
		t.Fatal(err)
	}
	bundles, err := os.Stat(filepath.Join(b.Dir, "bin/engine"))
	if err != nil || !os.SameFile(mine, bundles) {
		t.Errorf("not the bundle's file: %v", err)
	}
	if to, err := os.Readlink(p.Current()); err != nil || to != a.ID {
		t.Errorf("the current attempt is %s, %v", to, err)
	}
	if err := os.Remove(filepath.Join(b.Dir, "bin/engine")); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(b, time.Now().Add(time.Hour)); err == nil {
		t.Error("an attempt without all of the bundle's files")
	}
	entries, err := os.ReadDir(p.Run())
	if err != nil || len(entries) != 2 { // the first attempt and the link to it
		t.Errorf("a creation that failed left %v, %v", entries, err)
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	p := bundle(t).Places()
	if word, err := State(p); err != nil || word != Idle {
		t.Errorf("a fresh host is %q, %v", word, err)
	}
	write(t, p.State(), "old\n")
	if err := SetState(p, Done); err != nil {
		t.Fatal(err)
	}
	if word, err := State(p); err != nil || word != Done {
		t.Errorf("%q, %v; want done", word, err)
	}
	if err := os.Remove(p.State()); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(p.State(), 0o700); err != nil {
		t.Fatal(err)
	}
	if word, err := State(p); err == nil {
		t.Errorf("a folder is the state %q", word)
	}
}

// TestBegun: an attempt counts once it was started, or once a unit is there that will start it.
func TestBegun(t *testing.T) {
	t.Parallel()
	b := bundle(t)
	p := b.Places()
	a, err := Create(b, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if Started(p, a) {
		t.Error("without a unit")
	}
	write(t, p.UnitFile(), "[Unit]")
	if !Started(p, a) {
		t.Error("with its unit")
	}
	if Started(p, p.At("4.2.0-1-gone")) != true { // what cannot be read is not taken for nothing
		t.Error("with a journal that cannot be read")
	}
}

// TestStalled reads what systemctl show prints.
func TestStalled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		shown string
		want  string // part; "" for one that runs or is about to
	}{
		"runs":             {"ActiveState=active\nResult=success\nExecMainStatus=0\nJob=0\n", ""},
		"is started again": {"ActiveState=activating\nResult=exit-code\nExecMainStatus=203\nJob=0\n", ""},
		"waits at a boot":  {"ActiveState=inactive\nResult=success\nExecMainStatus=0\nJob=123\n", ""},
		"is stopped":       {"ActiveState=inactive\nResult=success\nExecMainStatus=0\n", "p.service is inactive (success); see systemctl status p.service"},
		"gave up":          {"ActiveState=failed\nResult=exit-code\nExecMainStatus=1\nJob=0\n", "p.service is failed (exit-code); see"},
		"cannot be run":    {"Result=start-limit-hit\nExecMainStatus=203\nActiveState=failed\n", "systemd cannot run the program"},
		"nothing is known": {"", ""},
	} {
		if got := stalled("p.service", c.shown); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
