package proof

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/packages/rpmtest"
)

func TestMain(m *testing.M) { rpmtest.Main(m) }

// waysOf are the transactions of a jump on a host.
func waysOf(t *testing.T, w *rpmtest.World) Ways {
	t.Helper()
	s := packages.New(w.Manifest, w.Dir, w.Var, w.Root)
	var err error
	if s.Had, err = s.Optional(t.Context()); err != nil {
		t.Fatal(err)
	}
	return Ways{Early: packages.Early(w.Manifest, w.Dir, "", w.Root), Main: s, Late: packages.Late(w.Manifest, w.Dir, "", w.Root)}
}

func TestProve(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		foreign *rpmtest.Package
		change  func(old, new []rpmtest.Package)
		side    manifest.Side
		want    string // in the error; "" when the proof succeeds
	}{
		{name: "both ways work"},
		{
			name:    "a package of the host needs what is dropped",
			foreign: &rpmtest.Package{Name: "custom", Version: "1", Requires: []string{"dropped"}},
			side:    manifest.New, want: "custom",
		},
		{
			name:    "a package of the host needs the old version",
			foreign: &rpmtest.Package{Name: "custom", Version: "1", Requires: []string{"rest < 4.2"}},
			side:    manifest.New, want: "rest < 4.2",
		},
		{
			name:    "a package of the host would be taken away",
			foreign: &rpmtest.Package{Name: "victim", Version: "1"},
			change:  func(_, new []rpmtest.Package) { new[0].Obsoletes = []string{"victim"} },
			side:    manifest.New, want: "victim-0:1-1.noarch would be taken away",
		},
		{
			name:   "the new packages need what is not there",
			change: func(_, new []rpmtest.Package) { new[1].Requires = []string{"libmissing"} },
			side:   manifest.New, want: "libmissing is needed by influx",
		},
		{
			name:   "the old packages need what is not there",
			change: func(old, _ []rpmtest.Package) { old[1].Requires = []string{"libmissing"} },
			side:   manifest.Old, want: "libmissing is needed by influx",
		},
		{
			name:    "a file of another package is in the way",
			foreign: &rpmtest.Package{Name: "squatter", Version: "1", Files: []rpmtest.File{{Path: "/opt/manager/new-dir/new-only.py", Body: "mine"}}},
			side:    manifest.New, want: "conflict",
		},
	}
	for _, tt := range tests {
		for _, compressed := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.name, ", compressed ", compressed), func(t *testing.T) {
				t.Parallel()
				old, new := rpmtest.OldRelease(), rpmtest.NewRelease()
				if tt.change != nil {
					tt.change(old, new)
				}
				w := rpmtest.New(t, old, new)
				w.Install(t)
				if compressed { // no payload is there then
					w.Compress(t)
				}
				if tt.foreign != nil {
					w.InstallOther(t, *tt.foreign)
				}
				before := w.Set(t)
				err := waysOf(t, w).Prove(t.Context())
				if got := strings.Join(w.Set(t), " "); got != strings.Join(before, " ") {
					t.Errorf("the proof changed the host: %s", got)
				}
				if tt.want == "" {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				var proof *Error
				if !errors.As(err, &proof) {
					t.Fatalf("%v is no *Error", err)
				}
				if proof.Side != tt.side || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: %v\nwant %s: %s", proof.Side, err, tt.side, tt.want)
				}
			})
		}
	}
}

func TestProveLeavesNothingBehind(t *testing.T) {
	w := rpmtest.Product(t)
	w.Install(t)
	w.Manifest.Prefix = "leaves-nothing"
	if err := waysOf(t, w).Prove(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/run", "/dev/shm"} {
		if left, _ := filepath.Glob(dir + "/leaves-nothing-*"); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

func TestProofOfAKilledCheckIsSwept(t *testing.T) {
	t.Parallel()
	w := rpmtest.Product(t)
	w.Install(t)
	w.Manifest.Prefix = "swept"
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	left := fmt.Sprintf("/dev/shm/swept-proof-%d-x", ended.Process.Pid)
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := waysOf(t, w).Prove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", left, err)
	}
}

// TestEarlyAndLateProof finds on the copy what would be in the way of any of the three.
func TestEarlyAndLateProof(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(old, new []rpmtest.Package)
		foreign *rpmtest.Package
		want    string // "" when the proof succeeds
	}{
		"all of the way works":                 {},
		"early needs what comes in the window": {change: func(_, new []rpmtest.Package) { new[2].Requires = []string{"stage"} }, want: "stage is needed by sql-server"},
		"early obsoletes what is there":        {change: func(_, new []rpmtest.Package) { new[1].Obsoletes = []string{"dropped"} }, want: "dropped"},
		"a host needs what goes late":          {foreign: &rpmtest.Package{Name: "plugin", Version: "1", Requires: []string{"search"}}, want: "search is needed by (installed) plugin"},
		"early has a file of the old release": {change: func(_, new []rpmtest.Package) {
			new[1].Files = append(new[1].Files, rpmtest.File{Path: "/opt/dropped/x", Body: "y"})
		}, want: "/opt/dropped/x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := rpmtest.MovedStore(t, c.change)
			if c.foreign != nil {
				w.InstallOther(t, *c.foreign)
			}
			before := w.Tree(t)
			err := waysOf(t, w).Prove(t.Context())
			if proof := (*Error)(nil); c.want != "" && (!errors.As(err, &proof) || !strings.Contains(err.Error(), c.want)) || c.want == "" && err != nil {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if after := w.Tree(t); after != before {
				t.Error("the proof changed something")
			}
		})
	}
}

// TestRehearseWithEarly: what comes in the window needs what comes early, in an empty root too.
func TestRehearseWithEarly(t *testing.T) {
	t.Parallel()
	w := rpmtest.MovedStore(t, nil)
	before := w.Tree(t)
	all := waysOf(t, w)
	if _, err := all.Rehearse(t.Context(), t.TempDir()); err != nil {
		t.Error(err)
	}
	if _, err := (Ways{Main: all.Main}).Rehearse(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "sql-server is needed by rest") {
		t.Errorf("without the early packages: %v", err)
	}
	if after := w.Tree(t); after != before || w.Read("/ran") != "" {
		t.Error("the rehearsal changed something")
	}
}

// app is a host with one package, whose next version has a scriptlet.
func app(t *testing.T) *rpmtest.World {
	t.Helper()
	one := func(version string) rpmtest.Package {
		return rpmtest.Package{Name: "app", Version: version, Files: []rpmtest.File{{Path: "/opt/a", Body: version}}}
	}
	old, new := one("1"), one("2")
	new.Post = "echo >/ran\n"
	w := rpmtest.New(t, []rpmtest.Package{old}, []rpmtest.Package{new})
	w.Install(t)
	return w
}

func TestProveCancelled(t *testing.T) {
	t.Parallel()
	w := app(t)
	ways := waysOf(t, w)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ways.Prove(ctx); err == nil {
		t.Error("no error")
	}
	if got := strings.Join(w.Set(t), " "); got != "app-1-1.noarch" {
		t.Errorf("installed: %s", got)
	}
}

// TestRehearseCompressed rebuilds what it installs, in its own folder.
func TestRehearseCompressed(t *testing.T) {
	t.Parallel()
	w := rpmtest.MovedStore(t, nil)
	w.Compress(t)
	before := w.Tree(t)
	folder := t.TempDir()
	if _, err := waysOf(t, w).Rehearse(t.Context(), folder); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(folder + "/*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if left, _ := filepath.Glob(w.Dir + "/rebuilt"); len(left) > 0 {
		t.Errorf("the bundle's folder has %v", left)
	}
	if after := w.Tree(t); after != before {
		t.Error("the rehearsal changed something")
	}
}

// TestRehearse writes the packages' files for real, elsewhere, and leaves nothing.
func TestRehearse(t *testing.T) {
	t.Parallel()
	w := app(t)
	ways := waysOf(t, w)
	folder := t.TempDir()
	took, err := ways.Rehearse(t.Context(), folder)
	if err != nil || took <= 0 {
		t.Errorf("%s: %v", took, err)
	}
	if left, _ := filepath.Glob(folder + "/*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if got := w.Read("/opt/a") + w.Read("/ran"); got != "1" {
		t.Errorf("the host was changed: %q", got)
	}
	if err := os.Remove(filepath.Join(w.Dir, w.Manifest.New[0].File)); err != nil {
		t.Fatal(err)
	}
	if _, err := ways.Rehearse(t.Context(), folder); err == nil {
		t.Error("a package that is not there was rehearsed")
	}
}

// TestLacking is about packages that are not the product's and that a trial takes or brings.
func TestLacking(t *testing.T) {
	t.Parallel()
	names := []string{"app", "app-tools"}
	before := []string{"app-0:1-1.noarch", "app-tools-0:1-1.noarch", "app-tools-extra-0:1-1.noarch", "bash-0:5-1.x86_64", "gpg-pubkey-0:abc-def.(none)"}
	after := []string{"app-0:2-1.noarch", "bash-0:5-1.x86_64", "zsh-1:5-1.x86_64"}
	if got := strings.Join(missingLines(before, after, names), " "); got != "app-tools-extra-0:1-1.noarch gpg-pubkey-0:abc-def.(none)" {
		t.Errorf("gone: %s", got)
	}
	if got := strings.Join(missingLines(after, before, names), " "); got != "zsh-1:5-1.x86_64" {
		t.Errorf("come: %s", got)
	}
	for line, want := range map[string]bool{"app-0:1-1.noarch": true, "app-tools-3:1-1.noarch": true, "apple-0:1-1.noarch": false, "nonsense": false, "": false} {
		if got := named(line, names); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}
