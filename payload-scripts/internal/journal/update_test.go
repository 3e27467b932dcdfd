package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFailedWrite leaves the record as it was: memory and disk must not part.
func TestFailedWrite(t *testing.T) {
	t.Parallel()
	var disk Record
	fails := error(nil)
	j := New(Record{ID: "a", Phase: Switching, Schema: map[string]int64{"db": 1}}, func(r Record) error {
		if fails == nil {
			disk = r
		}
		return fails
	})
	change := func(r *Record) {
		r.Phase = Opening
		r.Schema["db"] = 7
		r.Warnings = append(r.Warnings, "w")
		r.Hooks = append(r.Hooks, "h")
	}
	fails = unix.EIO
	if err := j.Update(change); !errors.Is(err, unix.EIO) || !strings.HasPrefix(err.Error(), "write the journal: ") {
		t.Errorf("error %v", err)
	}
	if r := j.Record(); r.Phase != Switching || r.Schema["db"] != 1 || r.Warnings != nil || r.Hooks != nil {
		t.Errorf("after a write that failed the record is %+v", r)
	}
	if _, err := j.Begin(Switching, "s"); err == nil || len(j.Record().Steps) != 0 {
		t.Errorf("a step that is not recorded: %v, %v", err, j.Record().Steps)
	}
	fails = nil
	if err := j.Update(change); err != nil {
		t.Fatal(err)
	}
	if disk.Phase != Opening || disk.Schema["db"] != 7 || j.Record().Phase != Opening {
		t.Errorf("on disk %+v, in memory %+v", disk, j.Record())
	}
}

// TestRecordIsASnapshot: what a reader was given does not change under him.
func TestRecordIsASnapshot(t *testing.T) {
	t.Parallel()
	j := New(Record{ID: "a", Phase: Preparing}, func(Record) error { return nil })
	end, err := j.Begin(Preparing, "one")
	if err != nil {
		t.Fatal(err)
	}
	before := j.Record()
	if err := errors.Join(end(errors.New("no")), j.Update(func(r *Record) { r.Warnings = append(r.Warnings, "w") })); err != nil {
		t.Fatal(err)
	}
	if !before.Steps[0].Ended.IsZero() || before.Steps[0].Error != "" || before.Error != "" || len(before.Warnings) != 0 {
		t.Errorf("it changed: %+v", before)
	}
	if now := j.Record(); now.Steps[0].Error != "no" || now.Step != "one" {
		t.Errorf("now %+v", now)
	}
}

// TestFull asks once for room, and says in the record that it did.
func TestFull(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		room, makesRoom bool
		asked           int
		err             error
	}{
		"room":                        {room: true},
		"made":                        {makesRoom: true, asked: 1},
		"not to be made":              {asked: 1, err: unix.ENOSPC},
		"nobody to ask":               {asked: -1, err: unix.ENOSPC},
		"made, and yet still no room": {makesRoom: true, asked: 1, err: unix.ENOSPC},
	} {
		room, asked := c.room, 0
		j := New(Record{ID: "a"}, func(Record) error {
			if !room {
				return fmt.Errorf("write: %w", unix.ENOSPC)
			}
			return nil
		})
		if c.asked >= 0 {
			j.OnFull(func(r *Record) bool {
				asked++
				room = c.makesRoom && c.err == nil
				r.Warnings = append(r.Warnings, "full")
				return c.makesRoom
			})
		}
		if err := j.Update(func(r *Record) { r.Starts++ }); !errors.Is(err, c.err) {
			t.Errorf("%s: error %v, want %v", name, err, c.err)
		}
		if asked != max(c.asked, 0) {
			t.Errorf("%s: asked %d times", name, asked)
		}
		if r := j.Record(); (r.Starts == 1) != (c.err == nil) || slices.Contains(r.Warnings, "full") != (c.err == nil && c.asked == 1) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestSecretsAreHidden in every text of a record, and only there.
func TestSecretsAreHidden(t *testing.T) {
	t.Parallel()
	const secret = "password=\"open-sesame-42\""
	dir := t.TempDir()
	j, err := Create(dir, Record{ID: "a", Phase: Switching, Warnings: []string{"from an earlier version"}})
	if err != nil {
		t.Fatal(err)
	}
	end, err := j.Begin(Switching, "connect")
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(end(errors.New("failed with "+secret)), j.Update(func(r *Record) {
		r.Todo = "give it another " + secret
		r.Warnings = append(r.Warnings, "it has "+secret)
	}))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "journal.json"))
	if err != nil || strings.Contains(string(data), "open-sesame-42") {
		t.Errorf("%v\n%s", err, data)
	}
	for _, want := range []string{"failed with", "give it another", "it has", "from an earlier version"} {
		if !strings.Contains(string(data), want) {
			t.Errorf("%q is gone", want)
		}
	}
}

// TestRoundTrip: what a process wrote is what the next one reads.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	want := Record{ID: "a", Number: 3, From: "1", To: "2", Revision: 1, Began: at, Phase: Switching, Back: true, Restored: true, Starts: 2,
		Optional: []string{"cli"}, Schema: map[string]int64{"db": 42001}, Closed: at, Reopened: at.Add(time.Second), Probed: true, Hooks: []string{"h"},
		Steps: []Step{{Phase: Switching, Name: "s", Began: at, Ended: at, Error: "e"}}}
	if _, err := Create(dir, want); err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := again.Record()
	for what, same := range map[string]bool{
		"number": got.Number == 3, "back": got.Back && got.Restored, "schema": got.Schema["db"] == 42001, "window": got.Window() == time.Second,
		"steps": len(got.Steps) == 1 && got.Steps[0].Error == "e" && got.HasStep("s") && !got.HasStep("t"), "hooks": slices.Equal(got.Hooks, want.Hooks),
	} {
		if !same {
			t.Errorf("%s is another: %+v", what, got)
		}
	}
	if _, err := Create(filepath.Join(dir, "nowhere"), want); err == nil {
		t.Error("a journal in a folder that is not there")
	}
}

// FuzzRead: a journal that was damaged, or written by somebody else, is an error or a record with an ID and a phase.
func FuzzRead(f *testing.F) {
	whole, err := json.Marshal(Record{ID: "a", Phase: Opening, Steps: []Step{{Name: "s"}}})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(whole), "", "{}", `{"id": "a", "phase": "switch"} {}`, `{"id": "a", "phase": 1}`, `[]`, "\x00", `{"id": "a", "phase": "open", "steps": [{"began": "never"}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "journal.json"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Read(dir)
		if err == nil && (r.ID == "" || r.Phase == "") {
			t.Errorf("read as %+v", r)
		}
		if err == nil {
			r.Window()
			r.HasStep("s")
		}
	})
}

// TestEndOfAStep is durable at once when it failed, otherwise with the next change.
func TestEndOfAStep(t *testing.T) {
	t.Parallel()
	var disk []Record
	j := New(Record{ID: "a", Phase: Switching}, func(r Record) error { disk = append(disk, r); return nil })
	first, err := j.Begin(Switching, "first")
	if err != nil {
		t.Fatal(err)
	}
	if err := first(nil); err != nil {
		t.Fatal(err)
	}
	if is := j.Record().Steps[0]; is.Ended.IsZero() || len(disk) != 1 || !disk[0].Steps[0].Ended.IsZero() {
		t.Errorf("after the end: %+v in memory, %d writes, on disk %+v", is, len(disk), disk[0].Steps)
	}
	second, err := j.Begin(Switching, "second")
	if err != nil {
		t.Fatal(err)
	}
	if len(disk) != 2 || disk[1].Steps[0].Ended.IsZero() {
		t.Errorf("with the next step: %d writes, on disk %+v", len(disk), disk[1].Steps)
	}
	if err := second(errors.New("broken")); err != nil {
		t.Fatal(err)
	}
	if last := disk[len(disk)-1]; len(disk) != 3 || last.Steps[1].Error != "broken" || last.Steps[1].Ended.IsZero() || last.Step != "second" {
		t.Errorf("a step that failed: %d writes, on disk %+v", len(disk), last)
	}
}
