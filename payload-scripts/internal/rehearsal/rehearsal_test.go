package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/estimate"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
)

// rehearse is a run of a bundle with a state path, on a host below a folder.
func rehearse(t *testing.T, state ...string) *run {
	t.Helper()
	root, dir := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "opt/product/uploads"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "opt/product/uploads/one"), make([]byte, 100_000), 0o644); err != nil {
		t.Fatal(err)
	}
	b := &layout.Bundle{Root: root, Manifest: &manifest.Manifest{State: state}}
	return &run{bundle: b, dir: dir, tell: func(string) {}, report: &Report{}}
}

// TestStateIsSaved: what the window will take for it is measured, and nothing is left.
func TestStateIsSaved(t *testing.T) {
	t.Parallel()
	u := rehearse(t, "/opt/product/uploads")
	if err := u.saveState(context.Background()); err != nil {
		t.Fatal(err)
	}
	p := u.report.Parts
	if len(p) != 1 || p[0].How != Measured || p[0].Takes <= 0 || len(u.report.Problems)+len(u.report.Untried) > 0 {
		t.Errorf("%+v", u.report)
	}
	if u.report.Prepare <= 0 {
		t.Error("the first save, while the product serves, takes no time")
	}
	if left, err := os.ReadDir(u.dir); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(u.bundle.Root, "opt/product/uploads/one")); err != nil {
		t.Error(err)
	}
}

// TestFolderIsALink: what is behind it need not be a rehearsal's.
func TestFolderIsALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mine, folder := filepath.Join(dir, "mine"), filepath.Join(dir, "rehearsal")
	if err := errors.Join(os.WriteFile(mine, nil, 0o600), os.Symlink(dir, folder)); err != nil {
		t.Fatal(err)
	}
	if _, err := open(folder); err == nil || !strings.Contains(err.Error(), "mount a file system there instead") {
		t.Error(err)
	}
	if err := Sweep(folder); err != nil {
		t.Error(err)
	}
	for _, path := range []string{mine, folder} {
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
}

// TestFolderIsAFileSystem: it is emptied, and stays mounted.
func TestFolderIsAFileSystem(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(folder, unix.MNT_DETACH)
	left := filepath.Join(folder, "postgresql")
	for _, work := range []func() error{
		func() error { return Sweep(folder) },
		func() error { _, err := open(folder); return errors.Join(err, remove(folder)) },
	} {
		if err := os.Mkdir(left, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := work(); err != nil {
			t.Error(err)
		}
		if all, err := os.ReadDir(folder); err != nil || len(all) > 0 {
			t.Errorf("left %v, %v", all, err)
		}
	}
}

// TestKeep: what is kept for the upgrade is what was tried whole and would go well.
func TestKeep(t *testing.T) {
	t.Parallel()
	path, of := filepath.Join(t.TempDir(), "rehearsed"), journal.Record{To: "2", Revision: 3}
	for name, r := range map[string]*Report{
		"a problem": {Problems: []string{"a migration fails"}}, "a part that was not tried": {Untried: []string{"no room"}},
		"a refusal": {Findings: []finding.Finding{{Level: finding.Refuse}}},
	} {
		r.To, r.Window = "2", manifest.Duration(time.Second)
		if err := r.Keep(path, 3); err != nil {
			t.Error(err)
		}
		if _, ok := estimate.Read(path, of); ok {
			t.Errorf("with %s something is kept", name)
		}
	}
	r := &Report{To: "2", Began: time.Unix(1e9, 0).UTC(), Prepare: manifest.Duration(time.Minute), Window: manifest.Duration(time.Second)}
	if err := r.Keep(path, 3); err != nil {
		t.Fatal(err)
	}
	if e, ok := estimate.Read(path, of); !ok || !e.At.Equal(r.Began) || e.Prepare != r.Prepare || e.Window != r.Window {
		t.Errorf("%+v, %t", e, ok)
	}
}

func TestNoState(t *testing.T) {
	t.Parallel()
	u := rehearse(t)
	if err := u.saveState(context.Background()); err != nil || len(u.report.Parts) > 0 {
		t.Errorf("%v, %+v", err, u.report)
	}
}

// TestProblemsAreTheUpgrades: what is only the rehearsal's own is kept apart.
func TestProblemsAreTheUpgrades(t *testing.T) {
	t.Parallel()
	u := rehearse(t)
	ctx := context.Background()
	full := u.requireSpace(1<<60, "the packages")
	if full == nil || !strings.Contains(full.Error(), "not enough disk space to rehearse the packages") {
		t.Fatalf("error %v", full)
	}
	for _, err := range []error{full, fmt.Errorf("database main: %w", &untriedError{errors.New("no server here")}), errors.New("a migration fails")} {
		if err := u.problem(ctx, err); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(u.report.Problems, []string{"a migration fails"}) || len(u.report.Untried) != 2 || u.report.Ready() {
		t.Errorf("%+v", u.report)
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	if err := u.problem(stopped, context.Canceled); !errors.Is(err, context.Canceled) || len(u.report.Problems) != 1 {
		t.Errorf("an interruption is a problem of the upgrade: %v, %+v", err, u.report)
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		r    Report
		want bool
	}{
		{Report{}, true},
		{Report{Findings: []finding.Finding{{Level: finding.Warn}}, Untried: []string{"x"}}, true},
		{Report{Findings: []finding.Finding{{Level: finding.Refuse}}}, false},
		{Report{Problems: []string{"x"}}, false},
	} {
		if got := c.r.Ready(); got != c.want {
			t.Errorf("%+v: %v", c.r, got)
		}
	}
}

// TestOneAtATime: another one that is at work is left alone, what a killed one left is not.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "rehearsal")
	if err := Sweep(folder); err != nil {
		t.Errorf("nothing is there: %v", err)
	}
	lock, err := open(folder)
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(folder, "postgresql")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := open(folder); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v", err)
	}
	if err := Sweep(folder); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(left); err != nil {
		t.Error("a rehearsal at work was swept")
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if lock, err = open(folder); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Error("what a killed rehearsal left is still there")
	}
	_ = lock.Unlock()
	if err := Sweep(folder); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Error("the folder is still there")
	}
}
