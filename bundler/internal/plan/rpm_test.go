package plan_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Check refuses exactly those changes of a path's type that rpm cannot make in both
// directions: each is tried with the rpm of this machine, there and back, in a root of its own (as root).
func TestFileTypesByRPM(t *testing.T) {
	t.Parallel()
	always := files{"/opt/p/target/f": "x", "/opt/p/target": "dir", "/opt/p": "dir"}
	kinds := []struct {
		name string
		at   files // what makes /opt/p/x that kind
	}{
		{"a folder", files{"/opt/p/x": "dir", "/opt/p/x/f": "x"}},
		{"a folder that no package owns", files{"/opt/p/x/g": "x"}},
		{"a link", files{"/opt/p/x": "link target"}},
		{"a file", files{"/opt/p/x": "x"}},
	}
	for i, from := range kinds {
		for j, to := range kinds {
			if i == j {
				continue
			}
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				t.Parallel()
				one, two := files{}, files{}
				for _, set := range []struct{ into, more files }{{one, always}, {one, from.at}, {two, always}, {two, to.at}} {
					for name, body := range set.more {
						set.into[name] = body
					}
				}
				old, new := pkg{name: "p", evr: "1-1", files: one}, pkg{name: "p", evr: "2-1", files: two}
				_, problems := check(t, []pkg{old}, []pkg{new}, nil)
				failed := thereAndBack(t, old, new)
				if (problems == "") != (failed == "") {
					t.Errorf("check says %q, rpm %q", problems, failed)
				}
			})
		}
	}
}

// thereAndBack installs a package, upgrades it and goes back, and says what rpm could not do, "" for nothing.
func thereAndBack(t *testing.T, old, new pkg) string {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	rpm := func(args ...string) (string, error) {
		cmd := exec.Command("rpm", append([]string{"--root", root}, args...)...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	var paths []string
	for i, p := range []pkg{old, new} {
		path := filepath.Join(dir, fmt.Sprintf("%d.rpm", i))
		if err := os.WriteFile(path, p.bytes(t), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	if out, err := rpm("-i", "--nosignature", paths[0]); err != nil {
		t.Fatalf("install the old package: %v\n%s", err, out)
	}
	for _, path := range []string{paths[1], paths[0]} {
		if out, err := rpm("-U", "--oldpackage", "--nosignature", path); err != nil {
			return out
		}
		out, err := rpm("-V", "--nosignature", "--nodeps", "p")
		if err != nil && strings.Contains(out, "missing") {
			return out
		}
	}
	return ""
}

// bytes is the package's file.
func (p pkg) bytes(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.build(t).Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Of random releases, Check refuses those that the rpm of this machine refuses to install.
func TestCheckByRPM(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(15, 4))
	one := func(from ...string) string { return from[r.IntN(len(from))] }
	version := func() string {
		return one("<", "<=", "=", ">=", ">") + " " + one("1", "1", "2") + one("", "", "-1", "-2")
	}
	// What the product's packages ask of each other; nothing that the host might have.
	some := func(likely int) []string {
		var out []string
		for r.IntN(10) < likely {
			name := one("a", "b", "c", "api")
			if r.IntN(3) > 0 {
				name += " " + version()
			}
			out = append(out, name)
		}
		return out
	}
	var old []pkg
	for _, name := range []string{"a", "b", "c"} {
		old = append(old, pkg{name: name, evr: "0-1"})
	}
	refused, dir := 0, t.TempDir()
	const sets = 25
	for i := range sets {
		var new []pkg
		for _, name := range []string{"a", "b", "c"} {
			p := pkg{name: name, evr: one("1", "2") + "-" + one("1", "2"), requires: some(3), conflicts: some(1), provides: []string{"api = " + one("1", "2") + one("", "-1")}, files: files{}}
			for _, at := range []string{"/opt/p/f", "/opt/p/g"} {
				if r.IntN(4) == 0 {
					p.files[at] = one("x", "x", "y", "dir", "ghost", "link f")
				}
			}
			new = append(new, p)
		}
		_, problems := check(t, old, new, nil)
		said := tryInstall(t, dir, new)
		if (problems == "") != (said == "") && !hiddenByGhost(new) {
			t.Errorf("release %d, %+v:\ncheck says %q\nrpm %q", i, new, problems, said)
		}
		if said != "" {
			refused++
		}
	}
	if refused < sets/5 || refused > sets*4/5 {
		t.Errorf("rpm refuses %d of %d", refused, sets)
	}
}

// hiddenByGhost reports whether all three packages have one path, and one of them as %ghost: then it
// depends on rpm's order whether rpm compares the other two.
func hiddenByGhost(set []pkg) bool {
	for _, at := range []string{"/opt/p/f", "/opt/p/g"} {
		have, ghosts := 0, 0
		for _, p := range set {
			if body, is := p.files[at]; is {
				have++
				if body == "ghost" {
					ghosts++
				}
			}
		}
		if have == 3 && ghosts == 1 {
			return true
		}
	}
	return false
}

// tryInstall has rpm try to install packages on an empty machine, and returns what it says against it.
// Its database in the folder stays empty, and making it takes longer than all the rest.
func tryInstall(t *testing.T, dir string, set []pkg) string {
	t.Helper()
	args := []string{"--dbpath", filepath.Join(dir, "db"), "-U", "--test", "--nosignature"}
	for _, p := range set {
		path := filepath.Join(dir, p.name+".rpm")
		if err := os.WriteFile(path, p.bytes(t), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	out, err := exec.Command("rpm", args...).CombinedOutput()
	switch {
	case err == nil:
		return ""
	case len(out) == 0:
		t.Fatal(err)
	}
	return string(out)
}
