package hook

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/test/script"
)

// hookWorld is an attempt with hooks that write their names into a file; one named bad fails after it has.
func hookWorld(t *testing.T, store func(journal.Record) error) (*Set, func() string) {
	t.Helper()
	dir := t.TempDir()
	said := filepath.Join(dir, "said")
	one := func(name string) manifest.Hook {
		h := manifest.Hook{Run: "hooks/" + name, Undo: "hooks/" + name + "-undo", Timeout: manifest.Duration(time.Minute)}
		for _, program := range []string{h.Run, h.Undo} {
			end := "0"
			if name == "bad" && program == h.Run {
				end = "1"
			}
			text := fmt.Sprintf("#!/bin/sh\necho %s >> %s\nexit %s\n", filepath.Base(program), said, end)
			if err := os.MkdirAll(filepath.Join(dir, "hooks"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := script.Write(filepath.Join(dir, program), text); err != nil {
				t.Fatal(err)
			}
		}
		return h
	}
	m := &manifest.Manifest{From: "1", To: "2", Prefix: "p", Hooks: manifest.Hooks{
		Prepare: []manifest.Hook{one("early")}, Switch: []manifest.Hook{one("first"), one("bad"), one("never")}}}
	id := fmt.Sprintf("2-%d", time.Now().UnixNano())
	h := &Set{Room: Room{Manifest: m, Bundle: dir, Attempt: id, Var: filepath.Join(dir, "var")},
		Journal: journal.New(journal.Record{ID: id, Phase: journal.Preparing}, store)}
	return h, func() string {
		data, err := os.ReadFile(said)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(data)), " ")
	}
}

// TestHooks: what began is undone in reverse, what failed too, what never began is not.
func TestHooks(t *testing.T) {
	t.Parallel()
	h, said := hookWorld(t, func(journal.Record) error { return nil })
	if err := h.Of(Prepare)(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.Of(Switch)(t.Context()); err == nil || !strings.Contains(err.Error(), "hooks/bad") {
		t.Errorf("the failed hook: %v", err)
	}
	if got := h.Journal.Record().Hooks; !slices.Equal(got, []string{"early", "first", "bad"}) {
		t.Errorf("the journal has %v", got)
	}
	for range 2 { // the way back may be gone twice
		if err := h.Undo(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	undone := "bad-undo first-undo early-undo"
	if got, want := said(), "early first bad "+undone+" "+undone; got != want {
		t.Errorf("ran %s\nwant %s", got, want)
	}
	if err := h.Of(Open)(t.Context()); err != nil {
		t.Errorf("a phase without hooks: %v", err)
	}
}

// TestHookThatIsNotRecorded does not run: nobody would undo it.
func TestHookThatIsNotRecorded(t *testing.T) {
	t.Parallel()
	full := errors.New("no space")
	h, said := hookWorld(t, func(journal.Record) error { return full })
	if err := h.Of(Prepare)(t.Context()); !errors.Is(err, full) || said() != "" {
		t.Errorf("error %v, ran %q", err, said())
	}
	if err := h.Undo(t.Context()); err != nil || said() != "" {
		t.Errorf("undo of what never began: %v, ran %q", err, said())
	}
}
