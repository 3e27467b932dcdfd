package late

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/packages/rpmtest"
)

// world is a host after a commit, on which a package of the old release is still there.
type world struct {
	*rpmtest.World
	disk journal.Record
	full bool // the journal cannot be written
	read int  // how often systemd read its unit files
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: rpmtest.New(t, []rpmtest.Package{
		{Name: "search", Version: "1", Late: true, Files: []rpmtest.File{{Path: "/usr/share/search/lib.jar", Body: "jar"}}, PreUn: "test ! -e /stuck\n", PostUn: "rm -rf /var/lib/search\n"},
	}, nil)}
	w.Manifest.Skip = []manifest.Scriptlet{{Package: "search-1-1", Kind: "postun", Why: "deletes its data"}}
	w.Manifest.Keep = []string{"/var/lib/search"}
	w.Install(t)
	w.Write(t, "/var/lib/search/0", "documents")
	w.disk = journal.Record{ID: "x", Phase: journal.Opening}
	return w
}

func (w *world) process() *Late {
	l := Of(&layout.Bundle{Manifest: w.Manifest, Root: w.Root}, layout.Attempt{ID: "x", Run: w.Dir, Var: w.Var}, journal.New(w.disk, func(r journal.Record) error {
		if w.full {
			return errors.New("the disk is full")
		}
		w.disk = r
		return nil
	}))
	l.Reload = func(context.Context) error { w.read++; return errors.New("no systemd") }
	return l
}

func (w *world) gone(t *testing.T, want bool) {
	t.Helper()
	if is := w.Read("/usr/share/search/lib.jar") == "" && len(w.Set(t)) == 0; is != want {
		t.Errorf("the package is gone: %t, want %t", is, want)
	}
	if got := w.Read("/var/lib/search/0"); got != "documents" {
		t.Errorf("its data is %q", got)
	}
}

func TestErase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		if err := w.process().Erase(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.gone(t, true)
	}
	kept, err := os.ReadFile(w.Var + "/kept.json")
	if len(w.disk.Late) > 0 || string(kept) != "[\"/var/lib/search\"]\n" || len(w.disk.Warnings) > 0 || w.read == 0 {
		t.Errorf("the journal says late %v, warnings %v; kept is %s, %v; unit files were read %d times", w.disk.Late, w.disk.Warnings, kept, err, w.read)
	}
	if err := (&Late{}).Erase(t.Context()); err != nil { // of a jump in which nothing goes late
		t.Error(err)
	}
}

// TestFailure is a warning, is noted, and is done by what comes later, once the upgrade has ended.
func TestFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Write(t, "/stuck", "")
	if err := w.process().Erase(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.gone(t, false)
	if strings.Join(w.disk.Late, " ") != "search" || len(w.disk.Warnings) != 1 || !strings.Contains(w.disk.Warnings[0], "test-upgrade clean tries again") {
		t.Errorf("the journal says late %v, warnings %q", w.disk.Late, w.disk.Warnings)
	}
	if err := w.process().Retry(t.Context()); err != nil { // it is still under way: not yet
		t.Fatal(err)
	}
	w.disk.Outcome = journal.Upgraded
	if err := w.process().Retry(t.Context()); err == nil || !strings.Contains(err.Error(), "rpm -e --noscripts search") || len(w.disk.Late) == 0 {
		t.Errorf("the error is %v, the journal says late %v", err, w.disk.Late)
	}
	w.gone(t, false)
	if err := os.Remove(w.Root + "/stuck"); err != nil {
		t.Fatal(err)
	}
	if err := w.process().Retry(t.Context()); err != nil || len(w.disk.Late)+len(w.disk.Warnings) > 0 {
		t.Errorf("the error is %v, the journal says late %v, warnings %q", err, w.disk.Late, w.disk.Warnings)
	}
	w.gone(t, true)
}

// TestStopped by systemd: it is no failure of the packages, and the next engine does it.
func TestStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := w.process().Erase(ctx); !errors.Is(err, context.Canceled) || len(w.disk.Late)+len(w.disk.Warnings) > 0 {
		t.Errorf("the error is %v, the journal says late %v, %v", err, w.disk.Late, w.disk.Warnings)
	}
	w.full = true
	if err := w.process().Erase(t.Context()); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("what was done is not noted, and the error is %v", err)
	}
	w.full = false
	if err := w.process().Erase(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.gone(t, true)
}
