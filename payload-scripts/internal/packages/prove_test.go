package packages

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
	"onerpm/payload-scripts/internal/packages/rpmtest"
)

// install builds a package that is not the product's and installs it.
func install(t *testing.T, w *rpmtest.World, p rpmtest.Package) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.rpm")
	if err := os.WriteFile(path, rpmtest.Build(t, p), 0o600); err != nil {
		t.Fatal(err)
	}
	w.RPM(t, "-U", path)
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
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			old, new := oldRelease(), newRelease()
			if tt.change != nil {
				tt.change(old, new)
			}
			w := rpmtest.New(t, old, new)
			w.Install(t)
			if tt.foreign != nil {
				install(t, w, *tt.foreign)
			}
			before := w.Set(t)
			err := setOf(t, w).Prove(context.Background(), nil, nil)
			if got := strings.Join(w.Set(t), " "); got != strings.Join(before, " ") {
				t.Errorf("the proof changed the host: %s", got)
			}
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var proof *ProofError
			if !errors.As(err, &proof) {
				t.Fatalf("%v is no *ProofError", err)
			}
			if proof.Side != tt.side || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v\nwant %s: %s", proof.Side, err, tt.side, tt.want)
			}
		})
	}
}

func TestProveLeavesNothingBehind(t *testing.T) {
	w := product(t)
	w.Install(t)
	w.Manifest.Prefix = "leaves-nothing"
	if err := setOf(t, w).Prove(context.Background(), nil, nil); err != nil {
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
	w := product(t)
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
	if err := setOf(t, w).Prove(context.Background(), nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", left, err)
	}
}
