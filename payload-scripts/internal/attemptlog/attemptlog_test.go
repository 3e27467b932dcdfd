package attemptlog

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
)

// written is a log as the engine writes it, of an attempt that went back, was killed there, and had been killed before.
func written(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	l := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	l.Debug("begin", "of", "a phase=open b")
	l.Info("step", "phase", "prepare", "name", "preflight")
	l.Warn("resuming after a stop", "stage", "prepare", "start", 2)
	l.Debug("run", "program", "rpm", "args", []string{"-q", `"level=ERROR`})
	l.Info("step", "phase", "switch", "name", "drain")
	l.Error("step failed", "phase", "switch", "name", "drain", "error", "no\nroom")
	l.Error("going back", "because", "msg=step phase=open")
	l.Info("step", "phase", "switch", "name", "open the door")
	l.Warn("resuming after a stop", "stage", "reopen", "start", 3)
	l.Debug("ran", "program", "rpm")
	l.Info("end", "outcome", "rolled-back")
	return b.String()
}

// chosen are the first words of the messages that come out.
func chosen(t *testing.T, text, level, phase string, last int) string {
	t.Helper()
	l, err := Choose(level, phase, last)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := l.Copy(&out, strings.NewReader(text), true); err != nil {
		t.Fatal(err)
	}
	var words []string
	for line := range strings.Lines(out.String()) {
		words = append(words, strings.Fields(value(line, "msg"))[0])
	}
	return strings.Join(words, " ")
}

func TestChosen(t *testing.T) {
	t.Parallel()
	text := written(t)
	for _, c := range []struct {
		level, phase string
		last         int
		want         string
	}{
		{"", "", -1, "begin step resuming run step step going step resuming ran end"},
		{"info", "", -1, "step resuming step step going step resuming end"},
		{"warn", "", -1, "resuming step going resuming"},
		{"error", "", -1, "step going"},
		{"", "prepare", -1, "begin step resuming run"},
		{"", "switch", -1, "step step"},
		{"", "back", -1, "going step resuming ran end"},
		{"", "open", -1, ""},
		{"warn", "back", -1, "going resuming"},
		{"", "", 2, "ran end"},
		{"warn", "", 1, "resuming"},
		{"info", "prepare", 9, "step resuming"},
		{"", "", 0, ""},
	} {
		if got := chosen(t, text, c.level, c.phase, c.last); got != c.want {
			t.Errorf("level %q, phase %q, last %d: %s, want %s", c.level, c.phase, c.last, got, c.want)
		}
	}
	if _, err := Choose("loud", "", -1); err == nil || !strings.Contains(err.Error(), "debug, info, warn or error") {
		t.Errorf("a level that there is none of: %v", err)
	}
	if _, err := Choose("", "undo", -1); err == nil || !strings.Contains(err.Error(), "prepare, switch, open, back") {
		t.Errorf("a phase that there is none of: %v", err)
	}
}

// TestGrows: what was written in pieces comes out in whole lines, each once; the limit holds for what was there at first.
func TestGrows(t *testing.T) {
	t.Parallel()
	l, err := Choose("", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for i, c := range []struct{ more, want string }{
		{"one\ntwo\nthr", "two\n"}, {"ee\nfour\n", "two\nthree\nfour\n"}, {"", "two\nthree\nfour\n"}, {"five", "two\nthree\nfour\nfive"},
	} {
		if err := l.Copy(&out, strings.NewReader(c.more), i == 3); err != nil || out.String() != c.want {
			t.Errorf("%q: %q, %v, want %q", c.more, out.String(), err, c.want)
		}
	}
	if err := l.Copy(failing{}, strings.NewReader("six\n"), true); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("where nobody reads: %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestLinesOfNobody: what is no line of the engine's has no level, and no phase of its own.
func TestLinesOfNobody(t *testing.T) {
	t.Parallel()
	const text = "panic: nil\n\ngoroutine 1 = 2\nlevel=\n"
	for _, c := range []struct{ level, phase, want string }{{"", "", text}, {"info", "", ""}, {"", "prepare", text}, {"", "open", ""}} {
		l, err := Choose(c.level, c.phase, -1)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := l.Copy(&out, strings.NewReader(text), true); err != nil || out.String() != c.want {
			t.Errorf("level %q, phase %q: %q, %v", c.level, c.phase, out.String(), err)
		}
	}
}
