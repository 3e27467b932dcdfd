package command

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/estimate"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/upgrade"
)

const id = "4.2.0-1-20260301T120000.000Z"

func contains(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, part := range want {
		if !strings.Contains(text, part) {
			t.Errorf("%q lacks in:\n%s", part, text)
		}
	}
}

func TestUsage(t *testing.T) {
	w := newWorld(t)
	out, _ := w.run(0, "help")
	contains(t, out, "usage: p COMMAND", "clean", "7  another one is under way")
	_, stderr := w.run(2)
	contains(t, stderr, "usage: p COMMAND")
	_, stderr = w.run(2, "upgrade")
	contains(t, stderr, `no command "upgrade"`)
	_, stderr = w.run(2, "status", "now")
	contains(t, stderr, `takes no argument "now"`)
	_, stderr = w.run(2, "clean", "--everything")
	contains(t, stderr, "-everything", "--dry-run")
	out, _ = w.run(0, "help", "clean")
	contains(t, out, "--all", "--dry-run")
	out, _ = w.run(0, "help", "settings")
	contains(t, out, "/etc/p/upgrade.conf", "keep-backups")
	w.run(2, "help", "run") // is not for people
	w.run(0, "log", "--help")
	if code := run(t.Context(), nil, os.ErrNotExist, []string{"status"}, w.Output(), w.Output()); code != exitFailed {
		t.Errorf("without a bundle: exit %d", code)
	}
}

func TestNothingStarted(t *testing.T) {
	w := newWorld(t)
	for _, args := range [][]string{{"status"}, {"status", "--follow"}, {"report"}, {"rollback"}} {
		out, _ := w.run(0, args...)
		contains(t, out, "no upgrade to 4.2.0 was started", "p check")
	}
	out, _ := w.run(0, "status", "--json")
	if got := decode[answer.NotStarted](t, out); got.Outcome != answer.NotStartedWord || got.Why == "" || got.Findings == nil {
		t.Error(out)
	}
	w.run(1, "log")
	out, _ = w.run(0, "clean")
	contains(t, out, "nothing to remove")
	if found, err := os.ReadDir(w.root); err != nil || len(found) > 0 {
		t.Errorf("commands that tell wrote %v (%v)", found, err)
	}
}

func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*journal.Record)
		code   int
		want   []string
	}{
		"upgraded":       {upgraded, 0, []string{"done: Product is 4.2.0", "7.25s (limit 1m0s), measured at the door", "note:  version-lock"}},
		"rolled back":    {rolledBack, 4, []string{"rolled back: Product 4.1.1 serves as before\ncause: packages to new: no\ndo:    remove the cause, then run `p start`"}},
		"needs a person": {needsAPerson, 5, []string{"Product is DOWN since 2026-03-01 ", "it needs a person\ncause: files to old: no room\ndo:    remove the cause, then run `p start`: it goes on, back to 4.1.1\nfirst: ", "packages to new: no"}},
		"not measured": {func(r *journal.Record) { upgraded(r); r.Probed = false }, 0,
			[]string{"7.25s (limit 1m0s), estimated from service stop/start"}},
		"back before the window": {func(r *journal.Record) { rolledBack(r); r.Closed, r.Reopened = time.Time{}, time.Time{} }, 4,
			[]string{"it served all the time"}},
		"refused": {func(r *journal.Record) { r.Outcome, r.Error = journal.Refused, "no room" }, 3,
			[]string{"refused: nothing was changed", "no room"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.attempt(id, c.change)
			for _, args := range [][]string{{"status"}, {"status", "--follow"}, {"report"}} {
				out, _ := w.run(0, args...)
				contains(t, out, c.want...)
			}
			out, _ := w.run(c.code, "wait")
			contains(t, out, c.want...)
			for _, args := range [][]string{{"status", "--json"}, {"status", "--follow", "--json"}, {"report", "--json"}} {
				out, _ := w.run(0, args...)
				if r := decode[upgrade.Report](t, out); r.ID != id {
					t.Errorf("%v: %s", args, out)
				}
			}
			w.run(c.code, "wait", "--json")
		})
	}
}

func TestReportTellsWhatWasMerged(t *testing.T) {
	w := newWorld(t)
	w.attempt(id, upgraded)
	out, _ := w.run(0, "report")
	contains(t, out, "configuration files of 4.2.0:", "  unchanged  /etc/other   %config of other\n  merged     /etc/a.conf\n             kept    port: 1 -> 2 (changed on this host)\n", "+ prepare  preflight", "1.5s")
	out, _ = w.run(0, "report", "--json")
	r := decode[upgrade.Report](t, out)
	if len(r.Changes) != 2 || r.Changes[1].Did != files.Merged || !r.Measured || r.Window.D() != 7250*time.Millisecond || len(r.Warnings) != 1 {
		t.Errorf("got %+v", r)
	}
}

func TestRollback(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(id, func(*journal.Record) {})
	w.state(attempt.Running)
	w.run(0, "rollback")
	if _, err := os.Stat(a.RollbackRequest()); err != nil {
		t.Error(err)
	}
	late := anotherWorld(t)
	late.attempt(id, func(r *journal.Record) { r.Phase = journal.Opening })
	_, stderr := late.run(3, "rollback")
	contains(t, stderr, "cannot go back any more")
}

func TestStartRefusesAnotherOne(t *testing.T) {
	w := newWorld(t)
	w.attempt(id, func(*journal.Record) {})
	w.state(attempt.Running)
	_, stderr := w.run(7, "start")
	contains(t, stderr, "p status --follow")
}

// TestStartAwaitsTheEngine of the attempt that has ended: it removes its unit yet, as it would that of the next.
func TestStartAwaitsTheEngine(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(id, needsAPerson)
	w.state(attempt.NeedsAPerson)
	engine := flock.New(w.bundle.Places().Lock())
	if err := engine.Lock(); err != nil {
		t.Fatal(err)
	}
	defer engine.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var out, stderr bytes.Buffer
	if code := run(ctx, w.bundle, nil, []string{"start"}, &out, &stderr); code != exitUnderWay {
		t.Errorf("exit %d\n%s", code, stderr.String())
	}
	contains(t, stderr.String(), "start again in a moment")
	if rec, err := journal.Read(a.Var); err != nil || rec.Outcome != journal.NeedsAPerson {
		t.Errorf("beside an engine at work the attempt is %q, %v", rec.Outcome, err)
	}
}

func TestLog(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(id, upgraded)
	for n, want := range map[string]string{"0": "", "1": "three\n", "2": "two\nthree\n", "3": "one\ntwo\nthree\n", "9": "one\ntwo\nthree\n"} {
		if out, _ := w.run(0, "log", "--lines", n); out != want {
			t.Errorf("--lines %s: %q", n, out)
		}
	}
	if out, _ := w.run(0, "log"); out != "one\ntwo\nthree\n" {
		t.Error(out)
	}
	out, _ := w.run(0, "log", "--json", "--lines", "2")
	if got := decode[map[string][]string](t, out)["lines"]; strings.Join(got, " ") != "two three" {
		t.Error(got)
	}
	w.run(2, "log", "--lines", "-3")
	w.run(2, "log", "--json", "--follow")
	w.write(a.Log(), "x\n"+strings.Repeat(strings.Repeat("y", 99)+"\n", 2000)+"unfinished")
	if out, _ := w.run(0, "log", "--lines", "1500"); len(out) != 1499*100+len("unfinished") {
		t.Errorf("over several blocks: %d bytes", len(out))
	}
}

// TestLogIsChosen by level and phase, also where it is one JSON value.
func TestLogIsChosen(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(id, upgraded)
	w.write(a.Log(), "time=t level=DEBUG msg=begin\ntime=t level=INFO msg=step phase=switch name=drain\ntime=t level=WARN msg=slow\ntime=t level=ERROR msg=\"going back\" because=x\n")
	out, _ := w.run(0, "log", "--level", "warn")
	if strings.Count(out, "\n") != 2 || !strings.Contains(out, "slow") || !strings.Contains(out, "going back") {
		t.Error(out)
	}
	out, _ = w.run(0, "log", "--phase", "switch", "--level", "warn", "--json")
	if got := decode[map[string][]string](t, out)["lines"]; len(got) != 1 || !strings.HasSuffix(got[0], "msg=slow") {
		t.Error(got)
	}
	out, _ = w.run(0, "log", "--phase", "back", "--lines", "5")
	if !strings.HasSuffix(out, "because=x\n") || strings.Count(out, "\n") != 1 {
		t.Error(out)
	}
	if out, _ = w.run(0, "log", "--phase", "open"); out != "" {
		t.Error(out)
	}
	_, stderr := w.run(2, "log", "--level", "loud")
	contains(t, stderr, "debug, info, warn or error")
	_, stderr = w.run(2, "log", "--phase", "undo")
	contains(t, stderr, "prepare, switch, open, back")
}

// TestReportOfAll tells of every attempt, of other bundles too, the newest first.
func TestReportOfAll(t *testing.T) {
	w := newWorld(t)
	out, _ := w.run(0, "report", "--all")
	contains(t, out, "no upgrade of Product was tried on this machine")
	w.attempt("4.1.1-1-20260101T120000.000Z", func(r *journal.Record) {
		upgraded(r)
		r.ID, r.From, r.To, r.Number = "4.1.1-1-20260101T120000.000Z", "4.0.1", "4.1.1", 1
	})
	w.attempt(id, func(r *journal.Record) { rolledBack(r); r.Number = 2 })
	w.write(filepath.Join(w.bundle.Places().At("4.3.0-1-20260401T120000.000Z").Var, "journal.json"), "{")
	out, _ = w.run(0, "report", "--all")
	contains(t, out, "3 upgrades of Product were tried on this machine", w.bundle.Places().Var(), "4.0.1 to 4.1.1: upgraded", "out of service for 7.25s",
		"4.1.1 to 4.2.0: rolled back", "cause: packages to new: no", "4.3.0-1-20260401T120000.000Z: its journal cannot be read")
	if strings.Index(out, "4.1.1 to 4.2.0") > strings.Index(out, "4.0.1 to 4.1.1") {
		t.Errorf("the newest is not the first:\n%s", out)
	}
	out, _ = w.run(0, "report", "--all", "--json")
	if all := decode[map[string][]attempt.Past](t, out)["attempts"]; len(all) != 3 || all[2].Error != "packages to new: no" || all[2].Outcome != journal.RolledBack || all[1].To != "4.1.1" {
		t.Errorf("%s", out)
	}
}

// TestStatusExpects what the rehearsal of this very bundle found, while the upgrade is under way.
func TestStatusExpects(t *testing.T) {
	w := newWorld(t)
	w.attempt(id, func(r *journal.Record) { r.Began = time.Now() })
	w.state(attempt.Running)
	out, _ := w.run(0, "status")
	if contains(t, out, "under way to 4.2.0, phase prepare", "Product serves"); strings.Contains(out, "next: ") {
		t.Errorf("nobody rehearsed, and yet:\n%s", out)
	}
	e := estimate.Estimate{To: "4.2.0", Revision: 1, At: begun, Prepare: manifest.Duration(time.Hour), Window: manifest.Duration(3400 * time.Millisecond)}
	if err := estimate.Write(w.bundle.Places().Rehearsed("4.2.0"), e); err != nil {
		t.Fatal(err)
	}
	out, _ = w.run(0, "status")
	contains(t, out, "next:  it is out of service in about 59m5", ", for about 3.4s (rehearsed 2026-03-01 ")
	out, _ = w.run(0, "status", "--json")
	if x := decode[upgrade.Report](t, out).Expected; x == nil || !x.Rehearsed.Equal(begun) || x.Serves.Sub(x.Stops) != e.Window.D() {
		t.Errorf("%s", out)
	}
}

func TestLogFollowsUntilTheEnd(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(id, func(*journal.Record) {})
	j, err := journal.Open(a.Var)
	if err != nil {
		t.Fatal(err)
	}
	r, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan int)
	go func() {
		ended <- run(t.Context(), w.bundle, nil, []string{"log", "--follow", "--lines", "1"}, pipe, pipe)
		pipe.Close()
	}()
	got := make([]byte, 6)
	if _, err := r.Read(got); err != nil || string(got) != "three\n" {
		t.Fatalf("%q %v", got, err)
	}
	f, err := os.OpenFile(a.Log(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("four\n"); err != nil {
		t.Fatal(err)
	}
	if err := j.Update(func(r *journal.Record) { r.Outcome = journal.Upgraded }); err != nil {
		t.Fatal(err)
	}
	if code := <-ended; code != 0 {
		t.Errorf("exit %d", code)
	}
	if n, _ := r.Read(got); string(got[:n]) != "four\n" {
		t.Errorf("%q", got[:n])
	}
}

// TestStartCutShort has an attempt whose start did not come to its unit: it is as good as none.
func TestStartCutShort(t *testing.T) {
	w := newWorld(t)
	a := w.attempt("4.2.0-1-20260301T120000.000Z", func(r *journal.Record) { r.Starts = 0 })
	p := w.bundle.Places()
	if attempt.Started(p, a) {
		t.Error("an attempt without a unit has begun")
	}
	w.write(p.UnitFile(), "ExecStart=/opt/p/run/"+a.ID+"/bin/engine run "+a.ID+"\n")
	if !attempt.Started(p, a) {
		t.Error("an attempt whose unit is there has not begun")
	}
}
