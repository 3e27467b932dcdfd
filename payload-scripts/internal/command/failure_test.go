package command

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/journal"
)

// failure runs a command line with --json that must fail, and returns what a program is told.
func (w *world) failure(code int, args ...string) answer.Failure {
	w.Helper()
	out, stderr := w.run(code, args...)
	f := decode[answer.Failure](w.T, out)
	if stderr != "" || f.ExitCode != code || f.Failed == "" || f.Why == "" || f.Do == "" || strings.Contains(out, "usage:") {
		w.Errorf("%v: %s%s", args, out, stderr)
	}
	return f
}

// TestFailuresAreJSON: every command tells programs what failed, why and what to do, on standard output and nothing else.
func TestFailuresAreJSON(t *testing.T) {
	w := newWorld(t)
	for _, c := range commands() {
		if c.what == "" {
			continue
		}
		for _, args := range [][]string{{c.name, "--json", "--nonsense"}, {c.name, "--nonsense", "--json"}, {c.name, "-json", "--nonsense"}} {
			if f := w.failure(exitUsage, args...); f.Failed != c.name || !strings.Contains(f.Why, "-nonsense") {
				t.Errorf("%v: %+v", args, f)
			}
		}
		_, stderr := w.run(exitUsage, c.name, "--nonsense")
		contains(t, stderr, "error: flag provided but not defined: -nonsense\nusage: p "+c.name)
	}
	if f := w.failure(exitUsage, "upgrade", "--json"); f.Do != "see `p help`" {
		t.Errorf("%+v", f)
	}
	if f := w.failure(exitUsage, "agents", "hurry", "--json"); f.Failed != "agents hurry" || f.Do != "run agents "+agentVerbs {
		t.Errorf("%+v", f)
	}
	w.failure(exitUsage, "log", "--json", "--follow")
	var out, stderr bytes.Buffer
	if code := run(t.Context(), nil, fs.ErrNotExist, []string{"check", "--json"}, &out, &stderr); code != exitFailed || decode[answer.Failure](t, out.String()).Why != "file does not exist" {
		t.Errorf("without a bundle: exit %d, %s%s", code, out.String(), stderr.String())
	}
}

// TestFailuresOfWork: what goes wrong later is told in the same form, with the advice that people are given.
func TestFailuresOfWork(t *testing.T) {
	w := newWorld(t)
	w.attempt(id, func(*journal.Record) {})
	w.state(attempt.Running)
	if f := w.failure(exitUnderWay, "start", "--json"); f.Why != "an upgrade is under way" || f.Do != "follow it with `p status --follow`" {
		t.Errorf("%+v", f)
	}
	w.failure(exitUnderWay, "clean", "--json")
	late := anotherWorld(t)
	late.attempt(id, upgraded)
	if f := late.failure(exitRefused, "rollback", "--json"); !strings.Contains(f.Why, "cannot go back any more") {
		t.Errorf("%+v", f)
	}
	unreadable := anotherWorld(t)
	unreadable.write(unreadable.bundle.Places().Var(), "no folder")
	for _, args := range [][]string{{"status"}, {"report"}, {"log"}, {"rollback"}, {"agents"}, {"agents", "wait"}, {"wait"}, {"clean"}} {
		if f := unreadable.failure(exitFailed, append(args, "--json")...); f.Failed != strings.Join(args, " ") || f.Do != "remove the cause, then run `p "+f.Failed+"` again" {
			t.Errorf("%v: %+v", args, f)
		}
	}
}
