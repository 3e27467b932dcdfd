package packages

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages/rpmtest"
)

// TestRecordDemandsTheOldRelease notes nothing of a host that is half way.
func TestRecordDemandsTheOldRelease(t *testing.T) {
	t.Parallel()
	_, s := app(t, rpmtest.Package{Files: []rpmtest.File{body("/opt/a", "1")}}, rpmtest.Package{Files: []rpmtest.File{body("/opt/a", "2")}})
	to(t, s, manifest.New)
	var sides *Error
	if _, err := s.Record(t.Context()); !errors.As(err, &sides) || sides.Side != manifest.Old {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(s.Var + "/packages.json"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestDamagedNotes wants each file that an attempt keeps to be named when it cannot be read.
func TestDamagedNotes(t *testing.T) {
	t.Parallel()
	for file, side := range map[string]manifest.Side{"packages.json": manifest.Old, "accounts.json": manifest.Old, "packages-edited.json": manifest.New} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			w, s := app(t, rpmtest.Package{Files: []rpmtest.File{body("/opt/a", "1")}}, rpmtest.Package{Files: []rpmtest.File{body("/opt/a", "2")}})
			recorded(t, s)
			to(t, s, manifest.New)
			if err := os.WriteFile(filepath.Join(w.Var, file), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := s.Converge(t.Context(), side, Options{}); err == nil || !strings.Contains(err.Error(), file) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestConvergeWithoutAFolder(t *testing.T) {
	t.Parallel()
	w, _ := app(t, rpmtest.Package{}, rpmtest.Package{})
	s := New(w.Manifest, w.Dir, "", w.Root)
	if err := s.Converge(t.Context(), manifest.New, Options{}); err == nil || !strings.Contains(err.Error(), "no folder of an attempt") {
		t.Errorf("got %v", err)
	}
	if got := strings.Join(w.Set(t), " "); got != "app-1-1.noarch" {
		t.Errorf("installed: %s", got)
	}
	// Looking does not need one.
	if differs, err := s.Check(t.Context(), manifest.Old); err != nil || len(differs) > 0 {
		t.Errorf("%v: %v", differs, err)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	w, s := app(t, rpmtest.Package{Files: []rpmtest.File{body("/opt/a", "1")}}, rpmtest.Package{Files: []rpmtest.File{body("/opt/a", "2")}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{
		"converge": s.Converge(ctx, manifest.New, Options{}),
		"record":   func() error { _, err := s.Record(ctx); return err }(), "obstacles": func() error { _, err := s.Obstacles(ctx); return err }(),
	} {
		if name != "obstacles" && err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if got := strings.Join(w.Set(t), " "); got != "app-1-1.noarch" {
		t.Errorf("installed: %s", got)
	}
}
