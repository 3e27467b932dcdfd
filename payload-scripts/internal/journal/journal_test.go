package journal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func create(t *testing.T) (*Journal, string) {
	t.Helper()
	dir := t.TempDir()
	j, err := Create(dir, Record{ID: "4.2.0-1-x", From: "4.1.1", To: "4.2.0", Phase: Preparing})
	if err != nil {
		t.Fatal(err)
	}
	return j, dir
}

func TestFirstErrorIsKept(t *testing.T) {
	t.Parallel()
	j, dir := create(t)
	for _, failed := range []string{"the cause", "a consequence"} {
		end, err := j.Begin(Switching, "step of "+failed)
		if err != nil {
			t.Fatal(err)
		}
		if err := end(errors.New(failed)); err != nil {
			t.Fatal(err)
		}
	}
	rec, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if rec.Error != "the cause" || rec.Step != "step of the cause" {
		t.Errorf("error %q of step %q, want the first", rec.Error, rec.Step)
	}
	if len(rec.Steps) != 2 || rec.Steps[1].Error != "a consequence" {
		t.Errorf("steps %+v, want both with their errors", rec.Steps)
	}
}

func TestInterruptedStepHasNoEnd(t *testing.T) {
	t.Parallel()
	j, dir := create(t)
	if _, err := j.Begin(Preparing, "cut short"); err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir) // as the next engine process does
	if err != nil {
		t.Fatal(err)
	}
	rec := again.Record()
	if len(rec.Steps) != 1 || !rec.Steps[0].Ended.IsZero() {
		t.Errorf("steps %+v, want one without an end", rec.Steps)
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		closed, reopened time.Time
		want             time.Duration
	}{
		"never closed": {time.Time{}, time.Time{}, 0},
		"still shut":   {at, time.Time{}, 0},
		"over":         {at, at.Add(7 * time.Second), 7 * time.Second},
	} {
		if got := (&Record{Closed: c.closed, Reopened: c.reopened}).Window(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestDamagedJournalIsAnError(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":       "",
		"cut":         `{"id": "a", "pha`,
		"unknown key": `{"id": "a", "phase": "switch", "colour": 1}`,
		"no phase":    `{"id": "a"}`,
		"two":         `{"id": "a", "phase": "switch"} {"id": "a", "phase": "open"}`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "journal.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if rec, err := Read(dir); err == nil {
			t.Errorf("%s: read as %+v", name, rec)
		}
	}
	if _, err := Read(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no journal: %v, want os.ErrNotExist", err)
	}
}

// TestReadersSeeWholeRecords reads while it is written, as status --follow does.
func TestReadersSeeWholeRecords(t *testing.T) {
	t.Parallel()
	j, dir := create(t)
	done := make(chan error, 1)
	go func() {
		for range 50 {
			end, err := j.Begin(Preparing, "s")
			if err == nil {
				err = end(nil)
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(filepath.Join(dir, "journal.json")); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
			}
			return
		default:
			if _, err := Read(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
}
