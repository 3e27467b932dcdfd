package crash

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// crashDir is where an engine built with the tag crashpoints looks; see
// payload-scripts/internal/host/point_crash.go.
const crashDir = "/run/onerpm-crash"

// build runs go build in the project, statically, and returns the program's path.
func build(t *testing.T, dir, name, pkg string, more ...string) string {
	t.Helper()
	out := filepath.Join(dir, name)
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", out}, more...)
	cmd := exec.CommandContext(t.Context(), "go", append(args, pkg)...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, text)
	}
	return out
}

// bundles builds an engine that can die at its points, and the bundles with it. It returns their
// paths by jump, and the SHA-256 of the engine that customers get of this source: make engine gives the same.
func bundles(t *testing.T, jumps []jump) (paths map[jump]string, sum string) {
	t.Helper()
	dir := t.TempDir()
	engine := build(t, dir, "engine", "./payload-scripts", "-tags", "crashpoints")
	bundler := build(t, dir, "bundler", "./bundler")
	paths = map[jump]string{}
	for _, j := range jumps {
		cmd := exec.CommandContext(t.Context(), bundler, "build", j.String(), "--engine", engine, "--output", dir)
		cmd.Dir = "../.."
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("bundler build %s: %v\n%s", j, err, text)
		}
		paths[j] = filepath.Join(dir, prefix+"-"+j.To+".rpm")
	}
	program, err := os.ReadFile(build(t, dir, "production", "./payload-scripts"))
	if err != nil {
		t.Fatal(err)
	}
	return paths, fmt.Sprintf("%x", sha256.Sum256(program))
}

// TestProductionEngineHasNoPoints holds that nothing of the points is in the
// engine that customers get.
func TestProductionEngineHasNoPoints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		name string
		tags []string
		want bool
	}{
		{"production", nil, false},
		{"crash", []string{"-tags", "crashpoints"}, true},
	} {
		program, err := os.ReadFile(build(t, dir, c.name, "./payload-scripts", c.tags...))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{crashDir, "die-at"} {
			if bytes.Contains(program, []byte(word)) != c.want {
				t.Errorf("the %s engine and %q: want it there: %v", c.name, word, c.want)
			}
		}
	}
}
