package programs

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onerpm/test/script"
)

// program writes a shell script that says who it is.
func program(t *testing.T, path, says string, mode os.FileMode) {
	t.Helper()
	if err := script.Write(path, "#!/bin/sh\necho "+says+"\n"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// TestTheCallersPathDoesNotCount runs programs with a PATH that has others of
// the same name first, as a root shell of an admin may have.
func TestTheCallersPathDoesNotCount(t *testing.T) {
	mine := t.TempDir()
	program(t, mine+"/id", "wrong", 0o755)
	program(t, mine+"/only-here", "wrong", 0o755)
	t.Setenv("PATH", mine+":"+os.Getenv("PATH"))
	got, err := Run(context.Background(), Cmd{Name: "id", Args: []string{"-u"}})
	if err != nil || strings.TrimSpace(got.Stdout) == "wrong" {
		t.Errorf("%q %v", got.Stdout, err)
	}
	if _, err := Run(context.Background(), Cmd{Name: "only-here"}); !errors.Is(err, exec.ErrNotFound) {
		t.Error("a program of the caller's PATH alone:", err)
	}
	if got, err := Run(context.Background(), Cmd{Name: "env"}); err != nil || strings.Contains(got.Stdout, mine) {
		t.Errorf("the child has the caller's PATH: %q %v", got.Stdout, err)
	}
	if Exists("only-here") || !Exists("id") {
		t.Error("Exists looks elsewhere than Run")
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	for _, d := range []string{first, second, first + "/folder", first + "/sh"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program(t, first+"/both", "first", 0o755)
	program(t, second+"/both", "second", 0o755)
	program(t, first+"/dead", "first", 0o644)
	program(t, second+"/dead", "second", 0o755)
	program(t, second+"/folder", "second", 0o755)
	if err := os.Symlink("nowhere", first+"/dangling"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"both":         first + "/both",
		"dead":         second + "/dead",   // the first cannot be executed
		"folder":       second + "/folder", // the first is a folder
		"sh":           "",                 // of the system
		"./both":       "./both",
		"/no/such/one": "/no/such/one",
	} {
		got, err := Find(name, first, second)
		if want == "" {
			want = got
			if strings.HasPrefix(got, dir) {
				t.Errorf("%s: %s", name, got)
			}
		}
		if err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", name, got, err, want)
		}
	}
	for _, name := range []string{"dangling", "no-such-program", ""} {
		got, err := Find(name, first, second)
		if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), first+", "+second+", /usr/local/sbin") {
			t.Errorf("%q: %s %v", name, got, err)
		}
	}
	got, err := Run(context.Background(), Cmd{Name: "both", Folders: []string{second}})
	if err != nil || got.Stdout != "second\n" {
		t.Errorf("%q %v", got.Stdout, err)
	}
	if path := environment([]string{second})[0]; !strings.HasPrefix(path, "PATH="+second+":/usr/local/sbin:") {
		t.Error(path)
	}
	if !slices.Contains(environment(nil), "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") {
		t.Error(environment(nil))
	}
}
