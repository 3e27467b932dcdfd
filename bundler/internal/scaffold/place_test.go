package scaffold_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"onerpm/bundler/internal/scaffold"
)

var files = []scaffold.File{
	{Path: "versions/2.0.yaml", Data: []byte("version: 2.0\n")},
	{Path: "versions/2.0/config/etc/a", Data: []byte("a=1\n")},
	{Path: "versions/2.0/config/etc/b", Data: []byte("b=1\n")},
	{Path: "specs/1.0-2.0/upgrade.yaml", Data: []byte("from: 1.0\n")},
	{Path: "specs/1.0-2.0/migrations/1_expand_a.sql", Data: []byte("-- a\n")},
}

// When asked by the environment, the test program is a run that is killed after so many steps.
func TestMain(m *testing.M) {
	root, steps := os.Getenv("SCAFFOLD_ROOT"), os.Getenv("SCAFFOLD_KILL_AFTER")
	if root == "" {
		os.Exit(m.Run())
	}
	left, _ := strconv.Atoi(steps)
	err := scaffold.Place(root, files, func(string) {
		if left--; left == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	if err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// tree lists the files below a folder with what is in them.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		rel, _ := filepath.Rel(root, p)
		out[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func whole(t *testing.T, root string) {
	t.Helper()
	got := tree(t, root)
	for _, f := range files {
		if got[f.Path] != string(f.Data) {
			t.Errorf("%s has %q, want %q", f.Path, got[f.Path], f.Data)
		}
		delete(got, f.Path)
	}
	if len(got) > 0 {
		t.Errorf("more than was asked for: %v", got)
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := scaffold.Place(root, files, nil); err != nil {
		t.Fatal(err)
	}
	whole(t, root)
}

// Killed after each of its steps, a run is as if it had not been, once the next one
// begins; the last step makes it whole.
func TestKilled(t *testing.T) {
	t.Parallel()
	const steps = 3 // the release's file, its folder, the spec
	for after := 1; after <= steps; after++ {
		root := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SCAFFOLD_ROOT="+root, "SCAFFOLD_KILL_AFTER="+strconv.Itoa(after))
		if err := cmd.Run(); err == nil || cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the run after step %d was not killed: %v", after, err)
		}
		if err := scaffold.Recover(root); err != nil {
			t.Fatal(err)
		}
		if after == steps {
			whole(t, root)
			continue
		}
		if got := tree(t, root); len(got) > 0 {
			t.Errorf("killed after step %d, it left %v", after, got)
		}
		if err := scaffold.Place(root, files, nil); err != nil {
			t.Fatal(err)
		}
		whole(t, root)
	}
}

// What a person wrote after the kill stays.
func TestRecoverLeavesWhatAPersonWrote(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SCAFFOLD_ROOT="+root, "SCAFFOLD_KILL_AFTER=2")
	_ = cmd.Run() // killed
	mine := filepath.Join(root, "versions/2.0.yaml")
	if err := os.WriteFile(mine, []byte("version: 2.0 # corrected\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := scaffold.Recover(root); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, root); len(got) != 1 || !strings.Contains(got["versions/2.0.yaml"], "corrected") {
		t.Errorf("left %v", got)
	}
}

// A name that is taken when it is to be given stops the run, and what it had put in place goes.
func TestPlaceOverwritesNothing(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	mine := filepath.Join(root, "specs/1.0-2.0")
	if err := os.MkdirAll(mine, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(mine, "mine"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := scaffold.Place(root, files, nil)
	if err == nil || !strings.Contains(err.Error(), "put specs/1.0-2.0 in place: file exists") {
		t.Errorf("got %v", err)
	}
	got := tree(t, root)
	if len(got) != 1 || got["specs/1.0-2.0/mine"] != "x" {
		t.Errorf("left %v", got)
	}
}

// Files go into folders that have others in them; one that is there already stops all, and no folder stays that was made for them.
func TestPlaceInto(t *testing.T) {
	t.Parallel()
	into := []scaffold.File{{Path: "new/deep/a", Data: []byte("a\n")}, {Path: ".begun/there/b", Data: []byte("b\n")}, {Path: "top", Data: []byte("c\n")}}
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, ".begun/there"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".begun/there/mine", "top"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := scaffold.PlaceInto(root, into); err == nil || !strings.Contains(err.Error(), "put top in place: file exists") {
		t.Errorf("got %v", err)
	}
	if got := tree(t, root); len(got) != 2 || got["top"] != "mine" {
		t.Errorf("left %v", got)
	}
	if _, err := os.Stat(filepath.Join(root, "new")); !os.IsNotExist(err) {
		t.Errorf("a folder stayed: %v", err)
	}
	if err := os.Remove(filepath.Join(root, "top")); err != nil {
		t.Fatal(err)
	}
	if err := scaffold.PlaceInto(root, into); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, root); len(got) != 4 || got[".begun/there/mine"] != "mine" || got["new/deep/a"] != "a\n" {
		t.Errorf("got %v", got)
	}
}
