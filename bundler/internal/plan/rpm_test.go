package plan_test

import (
	"bytes"
	"fmt"
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
