package command

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
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
		"upgraded":       {upgraded, 0, []string{"done: Product is 4.2.0", "7.25s (limit 1m0s), measured at the door", "note: version-lock"}},
		"rolled back":    {rolledBack, 4, []string{"rolled back: Product is 4.1.1", "because: packages to new: no"}},
		"needs a person": {needsAPerson, 5, []string{"needs a person", "do this"}},
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
	contains(t, out, "configuration files of 4.2.0:", "  unchanged  /etc/other   %config of other\n  merged     /etc/a.conf\n             kept    port: 1 -> 2 (by admin)\n", "+ prepare  preflight", "1.5s")
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
