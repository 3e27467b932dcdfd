package release_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/release"
)

// bundle has every kind of package that a jump may have.
func bundle(t *testing.T, had ...string) (*rpmtest.World, *release.Bundle) {
	t.Helper()
	same := rpmtest.Package{Name: "same", Version: "1"}
	w := rpmtest.New(t,
		[]rpmtest.Package{
			same, {Name: "app", Version: "1"}, {Name: "dropped", Version: "1"},
			{Name: "cli", Version: "1", Optional: true}, {Name: "oldname", Version: "1", Optional: true}, {Name: "ui", Version: "1", Optional: true},
		},
		[]rpmtest.Package{
			same, {Name: "app", Version: "2"}, {Name: "added", Version: "2"},
			{Name: "cli", Version: "2", Optional: true}, {Name: "newname", Version: "2", Optional: true, Obsoletes: []string{"oldname"}}, {Name: "ui", Version: "2", Optional: true},
		})
	if had == nil {
		had = []string{}
	}
	return w, &release.Bundle{Manifest: w.Manifest, Dir: w.Dir, Had: had}
}

func names(t *testing.T, set []manifest.Package, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	all := make([]string, len(set))
	for i, p := range set {
		all[i] = p.Name + "-" + p.Version
	}
	return strings.Join(all, " ")
}

// TestWanted is about optional packages: no side installs what the host never had, and a
// renamed one comes along.
func TestWanted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ had, old, new string }{
		{"", "app-1 dropped-1 same-1", "added-2 app-2 same-1"},
		{"cli", "app-1 cli-1 dropped-1 same-1", "added-2 app-2 cli-2 same-1"},
		{"oldname", "app-1 dropped-1 oldname-1 same-1", "added-2 app-2 newname-2 same-1"},
		{"cli oldname ui", "app-1 cli-1 dropped-1 oldname-1 same-1 ui-1", "added-2 app-2 cli-2 newname-2 same-1 ui-2"},
		{"nonsense", "app-1 dropped-1 same-1", "added-2 app-2 same-1"},
	} {
		_, b := bundle(t, strings.Fields(c.had)...)
		for side, want := range map[manifest.Side]string{manifest.Old: c.old, manifest.New: c.new} {
			set, err := b.Wanted(side)
			if got := names(t, set, err); got != want {
				t.Errorf("had %q, %s: %s, want %s", c.had, side, got, want)
			}
			set, err = b.Carried(side)
			if got := names(t, set, err); got != strings.ReplaceAll(want, " same-1", "") {
				t.Errorf("had %q, carried to %s: %s", c.had, side, got)
			}
		}
	}
}

func TestNamesAndFiles(t *testing.T) {
	t.Parallel()
	_, b := bundle(t)
	all, err := b.Names()
	if err != nil || strings.Join(all, " ") != "added app cli dropped newname oldname same test-upgrade-drop-2 test-upgrade-undo-2 ui" {
		t.Errorf("%v: %v", all, err)
	}
	if got := strings.Join(b.OptionalNames(), " "); got != "cli oldname ui" {
		t.Error(got)
	}
	for side, want := range map[manifest.Side]string{
		manifest.Old: "rollback/app-1-1.noarch.rpm rollback/dropped-1-1.noarch.rpm rollback/test-upgrade-undo-2-1-1.noarch.rpm",
		manifest.New: "packages/added-2-1.noarch.rpm packages/app-2-1.noarch.rpm packages/test-upgrade-drop-2-1-1.noarch.rpm",
	} {
		files, err := b.RPMs(side)
		if err != nil || strings.Join(files, " ") != want {
			t.Errorf("%s: %v: %v", side, files, err)
		}
	}
	b.Manifest.Undo = ""
	if name, file, err := b.Helper(manifest.Old); name != "" || file != "" || err != nil {
		t.Errorf("a helper that there is not: %s %s %v", name, file, err)
	}
}

// TestADamagedBundle harms one file of the bundle and asks everything that needs it.
func TestADamagedBundle(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(path string) error{
		"gone":      os.Remove,
		"empty":     func(path string) error { return os.Truncate(path, 0) },
		"no RPM":    func(path string) error { return os.WriteFile(path, []byte("<!DOCTYPE html>"), 0o600) },
		"cut short": func(path string) error { return os.Truncate(path, 200) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, b := bundle(t)
			if err := harm(filepath.Join(w.Dir, "packages/app-2-1.noarch.rpm")); err != nil {
				t.Fatal(err)
			}
			_, paths := b.Paths(manifest.New)
			_, expected := b.Expected(manifest.New, owners(t, w))
			_, scripts := b.RunsScripts(manifest.New)
			_, triggers := b.HasTriggers()
			for what, err := range map[string]error{"paths": paths, "expected": expected, "scripts": scripts, "triggers": triggers, "verify": b.Verify(t.Context(), manifest.New)} {
				if err == nil || !strings.Contains(err.Error(), "app-2-1.noarch.rpm") {
					t.Errorf("%s: %v", what, err)
				}
			}
			if err := b.Verify(t.Context(), manifest.Old); err != nil {
				t.Errorf("the other side: %v", err)
			}
		})
	}
}

// TestVerifyReadsOnce is about the window: what was right before is not read again unless it
// was written to.
func TestVerifyReadsOnce(t *testing.T) {
	t.Parallel()
	w, b := bundle(t)
	if err := b.Verify(t.Context(), manifest.New); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.Dir, "packages/app-2-1.noarch.rpm")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := errors.Join(os.WriteFile(path, data, 0o600), os.Chtimes(path, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
	if err := b.Verify(t.Context(), manifest.New); err != nil {
		t.Errorf("it was read again: %v", err)
	}
	if err := os.Chtimes(path, info.ModTime().Add(1), info.ModTime().Add(1)); err != nil {
		t.Fatal(err)
	}
	if err := b.Verify(t.Context(), manifest.New); err == nil || !strings.Contains(err.Error(), "is damaged") || !strings.Contains(err.Error(), "get the bundle again") {
		t.Errorf("got %v", err)
	}
}
