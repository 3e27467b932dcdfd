package command

import (
	"strings"
	"testing"
	"time"

	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/preflight"
	"onerpm/payload-scripts/internal/upgrade"
)

const later = "4.2.0-1-20260301T130000.000Z"

func running(r *journal.Record) { r.Number = 2 }

// TestWaitWithATimeout ends with a code of its own while the upgrade goes on, and with the upgrade's when that ends in time.
func TestWaitWithATimeout(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(id, running)
	w.state(attempt.Running)
	for _, args := range [][]string{{"--timeout", "0"}, {"--timeout", "10ms"}, {"--timeout=10ms", "--id", id}} {
		text, _ := w.run(exitTimeOut, append([]string{"wait"}, args...)...)
		contains(t, text, "under way to 4.2.0, phase prepare", "the upgrade goes on", "p wait --id "+id)
		out, _ := w.run(exitTimeOut, append([]string{"wait", "--json"}, args...)...)
		if r := decode[upgrade.Report](t, out); r.ID != id || r.Outcome != journal.Running {
			t.Errorf("%v: %s", args, out)
		}
	}
	go func() {
		time.Sleep(50 * time.Millisecond)
		j, err := journal.Open(a.Var)
		if err == nil {
			err = j.Update(rolledBack)
		}
		if err == nil {
			err = attempt.SetState(w.bundle.Places(), attempt.RolledBack)
		}
		if err != nil {
			t.Error(err)
		}
	}()
	text, _ := w.run(exitRolledBack, "wait", "--timeout", "1h")
	contains(t, text, "rolled back: Product 4.1.1 serves as before")
	for _, bad := range []string{"", "5", "-1s", "soon"} {
		w.run(exitUsage, "wait", "--timeout", bad)
	}
}

// TestWaitForWhatNeverStarted has no more time than it is given; what a check found that was cut off is not told.
func TestWaitForWhatNeverStarted(t *testing.T) {
	w := newWorld(t)
	w.checks = func() []finding.Finding {
		time.Sleep(20 * time.Millisecond)
		return []finding.Finding{{ID: "check-failed", Level: finding.Refuse}}
	}
	out, _ := w.run(exitNotStarted, "wait", "--timeout", "1ms", "--json")
	if n := decode[answer.NotStarted](t, out); n.Outcome != answer.NotStartedWord || n.Refused {
		t.Errorf("%s", out)
	}
	w.run(exitRefused, "wait", "--timeout", "1h")
	w.checks = func() []finding.Finding { return nil }
	text, _ := w.run(exitNotStarted, "wait", "--timeout", "1h")
	contains(t, text, "ready: ", "no upgrade to 4.2.0 was started on this machine")
}

// TestWithID: what is said is said of that attempt alone, whatever became of others.
func TestWithID(t *testing.T) {
	w := newWorld(t)
	w.attempt(id, rolledBack)
	w.attempt(later, running)
	w.state(attempt.Running)
	for _, args := range [][]string{{"wait", "--id", id}, {"wait", "--id", id, "--timeout", "0"}} {
		text, _ := w.run(exitRolledBack, args...)
		contains(t, text, "rolled back: ")
	}
	text, _ := w.run(exitDone, "report", "--id", id)
	contains(t, text, "("+id+")", "rolled back: ")
	text, _ = w.run(exitDone, "report", "--id", later)
	contains(t, text, "("+later+")", "under way to ")
	w.run(exitTimeOut, "wait", "--id", later, "--timeout", "0")

	for _, word := range []string{"wait", "report"} {
		text, _ := w.run(exitNotStarted, word, "--id", "4.2.0-1-none")
		contains(t, text, "there is no upgrade 4.2.0-1-none on record")
		out, _ := w.run(exitNotStarted, word, "--id", "4.2.0-1-none", "--json")
		if n := decode[answer.NotStarted](t, out); n.ID != "4.2.0-1-none" || n.Outcome != answer.NotStartedWord || n.Refused || n.Before != "" {
			t.Errorf("%s", out)
		}
		for _, bad := range []string{"", "..", "../" + id, "a/b", "a b", ".", "-x"} {
			w.failure(exitUsage, word, "--json", "--id", bad)
		}
	}
}

// TestWithIDOfAnotherBundle: only that bundle's own program can tell.
func TestWithIDOfAnotherBundle(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(id, upgraded)
	w.bundle.Manifest.To = "4.3.0"
	if f := w.failure(exitFailed, "report", "--json", "--id", id); !strings.Contains(f.Why, "is one to 4.2.0") || f.Do != "ask its own program, "+a.Run+"/bin/engine" {
		t.Errorf("%+v", f)
	}
}

// TestWithIDOfWhatWasCutShort: an attempt whose start was killed before it began, and one whose place another has taken.
func TestWithIDOfWhatWasCutShort(t *testing.T) {
	w := newWorld(t)
	w.attempt(id, func(r *journal.Record) { r.Starts = 0 })
	text, _ := w.run(exitNotStarted, "wait", "--id", id)
	contains(t, text, "was cut short")
	w.run(exitNotStarted, "report", "--id", id)

	w = anotherWorld(t)
	w.attempt(id, func(*journal.Record) {})
	w.attempt(later, func(r *journal.Record) { upgraded(r); r.Number = 2 })
	w.state(attempt.Done)
	text, _ = w.run(exitNeedsPerson, "wait", "--id", id)
	contains(t, text, "a later upgrade has taken its place, "+later, "`p report --id "+later+"`")
	if strings.Contains(text, "DOWN") || strings.Contains(text, "p start") {
		t.Errorf("what was later is not known, and this is told:\n%s", text)
	}
}

// TestNoOlderEnd: after an installation or a start that began nothing nobody is told how an older attempt ended, by any
// command; where that can be seen is.
func TestNoOlderEnd(t *testing.T) {
	for name, c := range map[string]struct {
		note attempt.Unstarted
		code int
		want string
	}{
		"refused":           {attempt.Unstarted{Why: "it was refused", Refused: true, Findings: noRoom}, exitRefused, "refuse  room: no room"},
		"started nothing":   {attempt.Unstarted{Why: "manual is there"}, exitNotStarted, "manual is there"},
		"could not be made": {attempt.Unstarted{Why: "the disk is full"}, exitNotStarted, "the disk is full"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.attempt(id, rolledBack)
			w.state(attempt.RolledBack)
			c.note.To, c.note.After = "4.2.0", id
			if err := attempt.NoteUnstarted(w.bundle.Places(), c.note); err != nil {
				t.Fatal(err)
			}
			for word, code := range map[string]int{"wait": c.code, "report": exitDone, "status": exitDone} {
				text, _ := w.run(code, word)
				contains(t, text, c.want, "p report --id "+id)
				out, _ := w.run(code, word, "--json")
				n := decode[answer.NotStarted](t, out)
				if n.Outcome != answer.NotStartedWord || n.Refused != c.note.Refused || n.Before != id || len(n.Findings) != len(c.note.Findings) || strings.Contains(text+out, "rolled back") || strings.Contains(out, "null") {
					t.Errorf("%s: %s%s", word, text, out)
				}
			}
			text, _ := w.run(exitDone, "report", "--id", id)
			contains(t, text, "rolled back: ")
			w.run(exitRolledBack, "wait", "--id", id)
		})
	}
}

// TestNoOlderEndAfterAGate: a bundle whose gate has refused is not installed, so that the command is the one before it. What is
// begun after that is told of again.
func TestNoOlderEndAfterAGate(t *testing.T) {
	w := newWorld(t)
	w.checks = func() []finding.Finding { return []finding.Finding{{ID: preflight.AlreadyNew, Level: finding.Refuse}} }
	w.attempt(id, upgraded)
	w.state(attempt.Done)
	gate := w.bundle.Places().Gate()
	for _, then := range [][]string{{"start"}, {"installed"}} {
		w.write(gate, id+"\np-4.3.0\n4.2.0\n4.3.0\nthere is no room\nfree some\n")
		for word, code := range map[string]int{"wait": exitRefused, "report": exitDone, "status": exitDone} {
			text, _ := w.run(code, word)
			contains(t, text, "no upgrade to 4.3.0 was started", "the installation of p-4.3.0 was refused", "there is no room", "install it again", "p report --id "+id)
			out, _ := w.run(code, word, "--json")
			if n := decode[answer.NotStarted](t, out); n.Bundle != "p-4.3.0" || n.To != "4.3.0" || n.Before != id || strings.Contains(text+out, "done: ") {
				t.Errorf("%s: %s", word, out)
			}
		}
		text, _ := w.run(exitDone, "report", "--summary")
		contains(t, text, "outcome  not-started", "todo     remove the cause, then install p-4.3.0 again")
		w.run(exitDone, then...)
		text, _ = w.run(exitDone, "wait")
		contains(t, text, "done: Product is 4.2.0")
	}
}

// TestNoOlderEndAfterACutShortStart: a start that was killed before its attempt began anything left nothing to tell of but that.
func TestNoOlderEndAfterACutShortStart(t *testing.T) {
	w := newWorld(t)
	w.checks = func() []finding.Finding { return nil }
	w.attempt(id, rolledBack)
	w.attempt(later, func(r *journal.Record) { r.Number, r.Starts = 2, 0 })
	w.state(attempt.RolledBack)
	for word, code := range map[string]int{"wait": exitNotStarted, "report": exitDone, "status": exitDone} {
		if text, _ := w.run(code, word); strings.Contains(text, "rolled back") || !strings.Contains(text, "no upgrade to 4.2.0 was started") {
			t.Errorf("%s: %s", word, text)
		}
	}
}

// TestTheLoserOfTwoStarts leaves no note: there is an attempt to tell of, whose end would be hidden by it.
func TestTheLoserOfTwoStarts(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(id, running)
	w.state(attempt.Running)
	e := newEnv(w.bundle, w.Output(), w.Output())
	if code := e.failStart(attempt.ErrStarting, exitUnderWay); code != exitUnderWay {
		t.Errorf("exit %d", code)
	}
	j, err := journal.Open(a.Var)
	if err == nil {
		err = j.Update(upgraded)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.state(attempt.Done)
	text, _ := w.run(exitDone, "wait")
	contains(t, text, "done: Product is 4.2.0")
}
