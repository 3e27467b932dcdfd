package estimate

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/journal"
)

// TestKept: what was written is read for the same bundle, and for no other.
func TestKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "rehearsed.json")
	if _, ok := Read(path, journal.Record{}); ok {
		t.Error("there is one that nobody wrote")
	}
	e := Estimate{To: "2", Revision: 3, At: time.Unix(1e9, 0).UTC(), Prepare: manifest.Duration(time.Minute), Window: manifest.Duration(time.Second)}
	if err := Write(path, e); err != nil {
		t.Fatal(err)
	}
	if got, ok := Read(path, journal.Record{To: "2", Revision: 3}); !ok || got != e {
		t.Errorf("got %+v, %t", got, ok)
	}
	for _, other := range []journal.Record{{To: "2", Revision: 4}, {To: "3", Revision: 3}} {
		if _, ok := Read(path, other); ok {
			t.Errorf("it is taken for %+v", other)
		}
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := Read(path, journal.Record{To: "2", Revision: 3}); ok {
		t.Error("a damaged one is taken")
	}
	if err := Write(filepath.Join(path, "below"), e); err == nil {
		t.Error("below a file one is written")
	}
}

// TestExpected: before the window from the beginning on, in it from its beginning on, afterwards and on the way back nothing.
func TestExpected(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(1e9+int64(s), 0).UTC() }
	e := Estimate{Prepare: manifest.Duration(100 * time.Second), Window: manifest.Duration(5 * time.Second), At: at(-1000)}
	first := journal.Step{Phase: journal.Preparing, Name: "first", Began: at(1)}
	again := journal.Step{Phase: journal.Preparing, Name: "first", Began: at(60)}
	other := journal.Step{Phase: journal.Preparing, Name: "other", Began: at(70)}
	for name, c := range map[string]struct {
		rec   journal.Record
		stops time.Time // zero: nothing is expected
	}{
		"just made":        {journal.Record{Began: at(0), Phase: journal.Preparing}, at(100)},
		"in prepare":       {journal.Record{Began: at(0), Phase: journal.Preparing, Steps: []journal.Step{first, other}}, at(101)},
		"resumed":          {journal.Record{Began: at(0), Phase: journal.Preparing, Steps: []journal.Step{first, other, again, other}}, at(160)},
		"before the door":  {journal.Record{Began: at(0), Phase: journal.Switching, Steps: []journal.Step{first, other}}, at(101)},
		"in the window":    {journal.Record{Began: at(0), Phase: journal.Switching, Closed: at(90), Steps: []journal.Step{first}}, at(90)},
		"serves again":     {journal.Record{Began: at(0), Phase: journal.Switching, Closed: at(90), Reopened: at(95)}, time.Time{}},
		"after the commit": {journal.Record{Began: at(0), Phase: journal.Opening, Closed: at(90)}, time.Time{}},
		"on the way back":  {journal.Record{Began: at(0), Phase: journal.Switching, Back: true}, time.Time{}},
		"it has ended":     {journal.Record{Began: at(0), Phase: journal.Preparing, Outcome: journal.Refused}, time.Time{}},
	} {
		x := e.Of(c.rec)
		switch {
		case c.stops.IsZero() && x != nil:
			t.Errorf("%s: %+v", name, x)
		case !c.stops.IsZero() && (x == nil || !x.Stops.Equal(c.stops) || x.Serves.Sub(x.Stops) != 5*time.Second || !x.Rehearsed.Equal(at(-1000))):
			t.Errorf("%s: %+v, want %s", name, x, c.stops)
		}
	}
}
