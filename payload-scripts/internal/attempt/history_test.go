package attempt

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
)

// TestHistory: all attempts, in the order of their numbers, also those of an engine that notes more than this one knows.
func TestHistory(t *testing.T) {
	t.Parallel()
	p := layout.Places{Prefix: "p", Root: t.TempDir()}
	if all, err := History(p); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	write := func(id, text string) {
		dir := filepath.Join(p.Var(), id)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "journal.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("2-1-b", `{"id": "2-1-b", "number": 2, "from": "1", "to": "2", "outcome": "rolled-back", "began": "2026-03-01T12:00:00Z", "ended": "2026-03-01T12:01:00Z",
		"closed": "2026-03-01T12:00:10Z", "reopened": "2026-03-01T12:00:13.5Z", "error": "drain: no", "step": "drain", "phase": "switch", "of a later engine": true}`)
	write("2-1-z", `{"id": "2-1-z", "number": 1, "from": "1", "to": "2", "outcome": "refused"}`)
	write("2-1-a", `{"id": "2-1-a", "number": 3, "from": "1", "to": "2", "outcome": "", "closed": "2026-03-01T12:00:10Z"}`)
	write("2-1-c", `{"id": "another"}`)
	all, err := History(p)
	if err != nil || len(all) != 4 {
		t.Fatalf("%+v, %v", all, err)
	}
	if c := all[0]; c.ID != "2-1-c" || !c.Unreadable || c.Outcome != journal.NeedsAPerson {
		t.Errorf("one whose journal is another's: %+v", c)
	}
	if all[1].ID != "2-1-z" || all[2].ID != "2-1-b" || all[3].ID != "2-1-a" {
		t.Errorf("the order: %+v", all)
	}
	if b := all[2]; b.Window() != 3500*time.Millisecond || b.Error != "drain: no" || b.Step != "drain" || b.Ended.Sub(b.Began) != time.Minute {
		t.Errorf("%+v", b)
	}
	if all[3].Window() != 0 {
		t.Errorf("a window that has no end yet takes %s", all[3].Window())
	}
}
