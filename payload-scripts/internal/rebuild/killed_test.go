package rebuild_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/rebuild"
)

// rebuilding names, in the environment of a process that TestKilled starts, the file that says what it rebuilds.
const rebuilding = "ONERPM_TEST_REBUILDING"

// order is what such a process does.
type order struct {
	Bundle rebuild.Bundle
	Folder string
	Files  []string
	DieAt  int // at which of the things that are told it kills itself; 0 for never
}

// obey does what the file says, and ends the process.
func obey(file string) {
	data, err := os.ReadFile(file)
	var o order
	if err == nil {
		err = json.Unmarshal(data, &o)
	}
	told := 0
	if err == nil {
		err = o.Bundle.Packages(context.Background(), o.Folder, o.Files, func(string, int64) {
			if told++; told == o.DieAt {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		})
	}
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

// start runs a process that obeys, and kills it after a while, 0 for not at all. It reports whether the process was killed, by either.
func (o order) start(t *testing.T, after time.Duration) (killed bool) {
	t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "order")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), rebuilding+"="+file)
	var said strings.Builder
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if after > 0 {
		timer := time.AfterFunc(after, func() { _ = c.Process.Kill() })
		defer timer.Stop()
	}
	err = c.Wait()
	if status := (*exec.ExitError)(nil); errors.As(err, &status) && !status.Exited() {
		return true
	}
	if err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	return false
}

// TestKilled kills the rebuilding at each fifth thing that it tells, and at times spread over the whole of it: no package has its name that is not
// whole, and what was begun is made by the next one, in the folder as the killed one left it.
func TestKilled(t *testing.T) {
	t.Parallel()
	w, _ := world(t, "")
	o := order{Bundle: bundle(w), Files: []string{oldApp, newApp}}
	ended := func(o order, killed bool) {
		t.Helper()
		for _, name := range strings.Fields(list(t, o.Folder)) {
			if !strings.HasSuffix(name, "~") {
				whole(t, w.Manifest, o.Folder, name)
			}
		}
		o.DieAt = 0
		if killed && o.start(t, 0) {
			t.Fatal("nobody killed it")
		}
		if got := list(t, o.Folder); got != newApp+" "+oldApp {
			t.Errorf("there is %s", got)
		}
		whole(t, w.Manifest, o.Folder, newApp)
		whole(t, w.Manifest, o.Folder, oldApp)
	}
	kills := 0
	for o.DieAt = 1; ; o.DieAt += 5 {
		o.Folder = t.TempDir()
		killed := o.start(t, 0)
		ended(o, killed)
		if !killed {
			break
		}
		kills++
	}
	if kills < 4 {
		t.Errorf("it was killed %d times", kills)
	}
	o.DieAt, o.Folder = 0, t.TempDir()
	began := time.Now()
	o.start(t, 0)
	took := time.Since(began)
	const times = 12
	for i := range time.Duration(times) {
		o.Folder = t.TempDir()
		ended(o, o.start(t, took*(i+1)/times))
	}
}

func whole(t *testing.T, m *manifest.Manifest, folder, file string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	_, r := m.Rebuilt(file)
	if sum := sha256.Sum256(data); r == nil || hex.EncodeToString(sum[:]) != r.SHA256 {
		t.Errorf("%s, %d bytes, has its name and is not whole", file, len(data))
	}
}
