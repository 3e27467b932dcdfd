package rpm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onerpm/internal/nevra"
	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/programs"
)

// hostWith is a host with packages installed, given its own way.
func hostWith(t *testing.T, args []string, packages ...rpmtest.Package) (*rpmtest.World, *Host) {
	t.Helper()
	w := rpmtest.New(t, nil, nil)
	command := append([]string{"-U", "--nodeps"}, args...)
	for _, p := range packages {
		command = append(command, rpmFile(t, p))
	}
	if len(packages) == 0 {
		command = []string{"--initdb"}
	}
	w.RPM(t, command...)
	return w, &Host{Root: w.Root}
}

// rpmFile builds a package.
func rpmFile(t *testing.T, p rpmtest.Package) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), p.Name+".rpm")
	if err := os.WriteFile(path, rpmtest.Build(t, p), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestParseInstalled(t *testing.T) {
	t.Parallel()
	got, err := parseInstalled("=a\t0:1-2\tnoarch\n=a\t3:1~rc1-2\tx86_64\npackage b is not installed\n=c\t(none)\n")
	want := map[string][]nevra.ID{"a": {{Name: "a", Version: "1", Release: "2", Arch: "noarch"}, {Name: "a", Epoch: 3, Version: "1~rc1", Release: "2", Arch: "x86_64"}}}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v: %v", got, want, err)
	}
	if _, err := parseInstalled("=a\tnonsense\tnoarch\n"); err == nil || !strings.Contains(err.Error(), "a: ") {
		t.Errorf("a version that is none: %v", err)
	}
}

func FuzzParseInstalled(f *testing.F) {
	f.Add("=a\t0:1-2\tnoarch\n")
	f.Add("=\t:-\t\n==\t0:1-1\t=")
	f.Fuzz(func(t *testing.T, text string) {
		found, err := parseInstalled(text)
		if err != nil {
			return
		}
		for name, entries := range found {
			for _, id := range entries {
				if id.Name != name || id.Version == "" || id.Release == "" {
					t.Errorf("%q: %+v", name, id)
				}
			}
		}
	})
}

// TestAnswered is about rpm's exit status, which counts the packages that are not installed.
func TestAnswered(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		out, err string
		want     bool
	}{
		{"package b is not installed", "", true},
		{"=a\t0:1-1\tnoarch\npackage b is not installed", "", true},
		{"=a\t0:1-1\tnoarch", "", false},
		{"", "error: cannot open Packages database in /var/lib/rpm", false},
		{"package b is not installed", "error: rpmdbNextIterator: skipping h#", false},
		{"anything else", "", false},
	} {
		if got := answered(programs.Result{Stdout: c.out, Stderr: c.err}); got != c.want {
			t.Errorf("%q, %q: %v", c.out, c.err, got)
		}
	}
}

func TestInstalled(t *testing.T) {
	t.Parallel()
	_, h := hostWith(t, nil, rpmtest.Package{Name: "a", Version: "1"}, rpmtest.Package{Name: "b", Version: "2", Release: "3"})
	got, err := h.DB().Installed(t.Context(), []string{"a", "b", "c", "*"})
	if err != nil || len(got) != 2 || got["a"][0].EVR() != "0:1-1" || got["b"][0].NEVRA() != "b-2-3.noarch" {
		t.Errorf("%v: %v", got, err)
	}
	all, err := h.DB().All(t.Context())
	if err != nil || strings.Join(all, " ") != "a-0:1-1.noarch b-0:2-3.noarch" {
		t.Errorf("%v: %v", all, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.DB().Installed(ctx, []string{"a"}); err == nil {
		t.Error("an answer after it was cancelled")
	}
}

func TestUnowned(t *testing.T) {
	t.Parallel()
	w, h := hostWith(t, nil, rpmtest.Package{Name: "a", Version: "1", Files: []rpmtest.File{{Path: "/opt/caf\xe9", Body: "x"}, {Path: "/opt/a b", Body: "x"}}})
	strange := []string{"/opt/gr\xf6\xdfe", "/opt/nobody's", "/opt/is not owned by any package", "/opt/x y"}
	for _, path := range strange {
		w.Write(t, path, "x")
	}
	paths := append([]string{"/opt/caf\xe9", "/opt/a b"}, strange...)
	for i := range ownerBatch { // more than one question
		path := fmt.Sprintf("/opt/n%04d", i)
		w.Write(t, path, "")
		paths, strange = append(paths, path), append(strange, path)
	}
	got, err := h.DB().Unowned(t.Context(), paths)
	slices.Sort(got)
	slices.Sort(strange)
	if err != nil || !slices.Equal(got, strange) {
		t.Errorf("%d are nobody's: %q, want %d: %v", len(got), got[:min(10, len(got))], len(strange), err)
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	_, h := hostWith(t, []string{"--excludedocs"},
		rpmtest.Package{Name: "a", Version: "1", Files: []rpmtest.File{{Path: "/opt/a", Body: "x"}, {Path: "/opt/doc", Body: "x", Doc: true}, {Path: "/opt/z", Body: "x"}}},
		rpmtest.Package{Name: "empty", Version: "1"})
	got, err := h.DB().States(t.Context(), []string{"a", "empty", "gone"})
	if err != nil || !slices.Equal(got["a"], []State{Normal, NotInstalled, Normal}) || len(got["empty"]) != 0 || len(got["gone"]) != 0 {
		t.Errorf("%v: %v", got, err)
	}
	if got, err := h.DB().States(t.Context(), nil); err != nil || got != nil {
		t.Errorf("of no package: %v %v", got, err)
	}
}

func FuzzStates(f *testing.F) {
	f.Add("=a\n0\n2\n=b\n")
	f.Add("0\n=\nx\n=a\n-1\n99999999999999999999\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		sum := 0
		for _, states := range parseStates(text) {
			sum += len(states)
		}
		if sum > lines {
			t.Errorf("%d states in %d lines", sum, lines)
		}
	})
}

func TestRelocated(t *testing.T) {
	t.Parallel()
	movable := func(name string) rpmtest.Package {
		return rpmtest.Package{Name: name, Version: "1", Prefixes: []string{"/opt/" + name}, Files: []rpmtest.File{{Path: "/opt/" + name + "/f", Body: "x"}}}
	}
	w, h := hostWith(t, []string{"--relocate", "/opt/a=/data/a"}, movable("a"))
	w.RPM(t, "-U", rpmFile(t, movable("b")), rpmFile(t, rpmtest.Package{Name: "c", Version: "1"}))
	got, err := h.DB().Relocated(t.Context(), []string{"a", "b", "c", "gone"})
	if err != nil || strings.Join(got, "; ") != "a (/opt/a is at /data/a)" {
		t.Errorf("%q: %v", got, err)
	}
	if got := parseRelocated("=a\t/opt:/var:\t/opt:/data:\n=b\t\t\nnonsense\n=c\t/x:\t\n"); strings.Join(got, "; ") != "a (/var is at /data)" {
		t.Errorf("of two prefixes: %q", got)
	}
}

func TestComplaints(t *testing.T) {
	t.Parallel()
	said := "warning: x.rpm: Header V4 RSA/SHA256 Signature, key ID 1: NOKEY\nerror: Failed dependencies:\n\tlibx is needed by a-1-1.noarch\n\nrpm: --x: unknown\nerror: y conflicts with b\n"
	if got := strings.Join(complaints(said), "; "); got != "libx is needed by a-1-1.noarch; y conflicts with b" {
		t.Error(got)
	}
	if got := complaints("warning: nothing\n"); got != nil {
		t.Errorf("%q", got)
	}
}
