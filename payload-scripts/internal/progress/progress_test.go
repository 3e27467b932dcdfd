package progress

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNotes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "run", "progress.json")
	w := NewWriter(path, "4.2.0-1-x")
	w.Step("fill")
	if _, ok := Read(path, "4.2.0-1-x", "fill"); ok {
		t.Error("a note is there before anything was told")
	}
	for done := range int64(1000) {
		w.Tell("events", done, 1000, "rows")
	}
	n, ok := Read(path, "4.2.0-1-x", "fill")
	if !ok || n.What != "events" || n.Total != 1000 || n.Unit != "rows" {
		t.Errorf("got %+v, %v", n, ok)
	}
	if n.Done == 999 {
		t.Error("every note was written; most are to be dropped")
	}
	if _, ok := Read(path, "another", "fill"); ok {
		t.Error("the note of another attempt is read")
	}
	w.Step("packages")
	if _, ok := Read(path, "4.2.0-1-x", "fill"); ok {
		t.Error("the note of a step that has ended is there")
	}
}

func TestNothingDependsOnIt(t *testing.T) {
	t.Parallel()
	var none *Writer
	none.Step("s")
	none.Tell("w", 1, 2, "rows")
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := Read(path, "", ""); ok {
		t.Error("half a note is read")
	}
	w := NewWriter(filepath.Join(path, "below", "a", "file"), "id") // cannot be made
	w.Tell("w", 1, 2, "rows")
}
