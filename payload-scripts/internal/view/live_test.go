package view

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/estimate"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/progress"
	"onerpm/payload-scripts/internal/view/ptytest"
)

const id = "4.2.0-1-20260301T120000.000Z"

// TestMain gives the tests the same terminal wherever they are run.
func TestMain(m *testing.M) {
	for key, value := range map[string]string{"TERM": "xterm", "NO_COLOR": ""} {
		if err := os.Setenv(key, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// TestLiveFits draws on terminals of many sizes, and on one that is resized.
func TestLiveFits(t *testing.T) {
	a := Attempt{Progress: filepath.Join(t.TempDir(), "progress.json"), Limit: time.Minute}
	now := time.Now()
	rec := journal.Record{ID: id, From: "4.1.1", To: "4.2.0", Began: now.Add(-90 * time.Second), Phase: journal.Preparing, Closed: now,
		Steps: []journal.Step{{Phase: journal.Preparing, Name: "expand the schema", Began: now}}}
	a.Estimate = filepath.Join(t.TempDir(), "rehearsed.json")
	e := estimate.Estimate{To: "4.2.0", At: now, Window: manifest.Duration(1500 * time.Millisecond)}
	if err := estimate.Write(a.Estimate, e); err != nil {
		t.Fatal(err)
	}
	told := progress.NewWriter(a.Progress, id)
	told.Step("expand the schema")
	told.Tell("fill events", 1000, 4000, "rows")
	block := a.block(rec, now)
	text := strings.Join(block, "\n")
	for _, want := range []string{"1m30s", "\n  out of service for 0.0s (limit 1m0s)\n  it serves again in about 1.5s, after 1.5s (rehearsed ", "[#####---------------] 1000 rows of 4000 rows fill events"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks in\n%s", want, text)
		}
	}
	for _, width := range []uint16{1, 10, 11, 20, 40, 79, 80, 300} {
		p := ptytest.New(t, width, 24)
		term := onTerminal(p.Slave)
		for range 3 {
			if err := term.draw("above\n", block); err != nil {
				t.Fatal(err)
			}
		}
		p.Hangup()
		lines := ptytest.Screen(t, p.Output(), max(int(width), leastWidth))
		if len(lines) != 3+len(block)+1 {
			t.Errorf("width %d: %d lines on the screen: %q", width, len(lines), lines)
		}
	}
	p := ptytest.New(t, 80, 3)
	term := onTerminal(p.Slave)
	for range 2 {
		if err := term.draw("", block); err != nil || len(term.drawn) != 2 {
			t.Fatalf("%v: %d lines on a terminal of 3", err, len(term.drawn))
		}
	}
	p.Resize(20, 24) // two lines of up to 79 now take up to 4 rows each
	if got, want := term.rows(20), (len(term.drawn[0])+19)/20+(len(term.drawn[1])+19)/20; got != want || got < 3 {
		t.Errorf("%d rows, want %d", got, want)
	}
}

// TestNoTerminal holds that a file is none, and that one that cannot move its cursor is not drawn on. NO_COLOR is about
// colours alone: a terminal stays one.
func TestNoTerminal(t *testing.T) {
	p := ptytest.New(t, 30, 10)
	if page := On(p.Slave); onTerminal(p.Slave) == nil || page.Width != 30 || !page.Colour {
		t.Errorf("a terminal is not seen as one: %+v", page)
	}
	for setting, drawn := range map[string]bool{"NO_COLOR=1": true, "TERM=dumb": false} {
		key, value, _ := strings.Cut(setting, "=")
		t.Run(key, func(t *testing.T) {
			t.Setenv(key, value)
			if page := On(p.Slave); (onTerminal(p.Slave) != nil) != drawn || page.Width != 30 || page.Colour {
				t.Errorf("with %s: %+v, drawn on: %t", setting, page, !drawn)
			}
		})
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if page := On(file); onTerminal(file) != nil || onTerminal(nil) != nil || page.Width != 0 || page.Colour {
		t.Errorf("a file is used as a terminal: %+v", page)
	}
}

// TestFollowOnlyWaits follows for a program: nothing is printed, the end is reported.
func TestFollowOnlyWaits(t *testing.T) {
	dir := t.TempDir()
	j, err := journal.Create(dir, journal.Record{ID: id, From: "4.1.1", To: "4.2.0", Phase: journal.Preparing})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan journal.Record)
	go func() {
		rec, err := Follow(t.Context(), nil, Attempt{Journal: dir})
		if err != nil {
			t.Error(err)
		}
		told <- rec
	}()
	if err := j.Update(func(r *journal.Record) { r.Outcome = journal.RolledBack }); err != nil {
		t.Fatal(err)
	}
	if rec := <-told; rec.Outcome != journal.RolledBack {
		t.Errorf("the outcome told is %q", rec.Outcome)
	}
}

// TestFollowEndsWithItsContext ends the view, not the attempt.
func TestFollowEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	if _, err := journal.Create(dir, journal.Record{ID: id, Phase: journal.Preparing}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Follow(ctx, nil, Attempt{Journal: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if _, err := Follow(ctx, nil, Attempt{Journal: filepath.Join(dir, "none")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a journal the error is %v", err)
	}
}

// TestSize writes sizes in the unit that says most in few digits, rounded up below a MiB.
func TestSize(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 KiB", 1: "1 KiB", 1024: "1 KiB", 1025: "2 KiB", 10<<20 - 1: "10240 KiB", 10 << 20: "10 MiB",
		10<<30 - 1: "10239 MiB", 10 << 30: "10 GiB", 1 << 40: "1024 GiB",
	} {
		if got := Size(bytes); got != want {
			t.Errorf("%d bytes: %s, want %s", bytes, got, want)
		}
	}
}

// TestFar tells how far a step is in its own unit, with a bar where the end is known.
func TestFar(t *testing.T) {
	for want, note := range map[string]progress.Note{
		"5 rows fill events": {What: "fill events", Done: 5, Unit: "rows"},
		"[#####---------------] 1 rows of 4 rows fill events":        {What: "fill events", Done: 1, Total: 4, Unit: "rows"},
		"[####################] 9 rows of 4 rows more than expected": {What: "more than expected", Done: 9, Total: 4, Unit: "rows"},
		"[##########----------] 50% rpm: a-1-1":                      {What: "rpm: a-1-1", Done: 50, Total: 100, Unit: "percent"},
		"2 KiB /opt/state":                                           {What: "/opt/state", Done: 2000, Unit: "bytes"},
	} {
		if got := progressText(note); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestPhases marks what is behind, under way and ahead, on both ways.
func TestPhases(t *testing.T) {
	for want, rec := range map[string]journal.Record{
		"[>] prepare  [ ] switch  [ ] open  to 2":      {Phase: journal.Preparing},
		"[x] prepare  [>] switch  [ ] open  to 2":      {Phase: journal.Switching},
		"[x] prepare  [x] switch  [>] open  to 2":      {Phase: journal.Opening},
		"[<] prepare  [ ] switch  [ ] open  back to 1": {Phase: journal.Preparing, Back: true},
		"[x] prepare  [<] switch  [ ] open  back to 1": {Phase: journal.Switching, Back: true},
	} {
		rec.From, rec.To = "1", "2"
		if got := phases(rec); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
