package repodata_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/repodata"
)

// onemore builds the program of that name.
func onemore(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "onemore")
	if out, err := exec.Command("go", "build", "-o", program, "./onemore").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// TestKilled kills a writer at random moments: in the folder is the old generation or
// the new one, whole, and what was left behind begins with a dot or is named by nothing.
func TestKilled(t *testing.T) {
	t.Parallel()
	program, dir, rpms := onemore(t), t.TempDir(), t.TempDir()
	in, killed := 0, 0
	most := 12 * time.Millisecond // of a writer's life; so that on any machine some come to their end and some do not
	for try := 0; try < 200 && (in < 12 || killed < 12); try++ {
		path := pack(t, rpms, "p", strings.Repeat("1", in+1))
		ctx, cancel := context.WithTimeout(t.Context(), rand.N(most))
		out, err := exec.CommandContext(ctx, program, dir, path).CombinedOutput()
		stopped := ctx.Err() != nil
		cancel()
		if err != nil && !stopped {
			t.Fatalf("%v\n%s", err, out)
		}
		if stopped {
			killed++
			most += most / 8
		} else {
			most -= most / 8
		}
		set, err := repodata.Load(dir)
		if errors.Is(err, fs.ErrNotExist) && in == 0 && stopped {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := len(listed(t, set))
		if got != in && got != in+1 || !stopped && got != in+1 {
			t.Fatalf("%d packages, there were %d", got, in)
		}
		in = got
	}
	if in == 0 || killed == 0 {
		t.Errorf("%d were added, %d killed", in, killed)
	}
}
