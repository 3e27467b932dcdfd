package mountns

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/payload-scripts/internal/programs"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRun shows a program a replaced, a new and a hidden file; the host has none of it, then or afterwards.
func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	etc, merged := filepath.Join(dir, "etc"), filepath.Join(dir, "merged")
	write(t, filepath.Join(etc, "a.conf"), "old a\n")
	write(t, filepath.Join(etc, "gone.conf"), "old gone\n")
	write(t, filepath.Join(etc, "kept.conf"), "old kept\n")
	if err := os.Symlink("a.conf", filepath.Join(etc, "link.conf")); err != nil {
		t.Fatal(err)
	}
	files := []Replace{
		{filepath.Join(etc, "a.conf"), write(t, filepath.Join(merged, "a"), "new a\n")},
		{filepath.Join(etc, "added.conf"), write(t, filepath.Join(merged, "added"), "new added\n")},
		{filepath.Join(etc, "gone.conf"), ""},
		{filepath.Join(etc, "never.conf"), ""},
		{filepath.Join(dir, "nowhere/b.conf"), filepath.Join(merged, "a")},
	}
	scratch, err := os.MkdirTemp("/dev/shm", "mountns-test-") // an overlay's upper layer cannot be an overlay, as /tmp may be
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(scratch)
	res, err := Run(t.Context(), scratch, files, programs.Cmd{Name: "sh", Args: []string{"-c", `cd "$1" && grep -H . *; exit 7`, "sh", etc}, Timeout: time.Minute})
	if res.Code != 7 {
		t.Fatalf("exit %d, %v", res.Code, err)
	}
	want := "a.conf:new a\nadded.conf:new added\nkept.conf:old kept\nlink.conf:new a\n"
	if res.Stdout != want {
		t.Errorf("it saw\n%s\nwant\n%s", res.Stdout, want)
	}
	for name, want := range map[string]string{"a.conf": "old a\n", "gone.conf": "old gone\n", "added.conf": ""} {
		got, err := os.ReadFile(filepath.Join(etc, name))
		if string(got) != want || want == "" && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the host's %s is %q, %v", name, got, err)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil || strings.Contains(string(mounts), dir) {
		t.Errorf("mounts are left: %v", err)
	}
}

// TestCannot is another error than the program's own.
func TestCannot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	comma := filepath.Join(dir, "a,b")
	write(t, filepath.Join(comma, "x"), "")
	for name, f := range map[string]Replace{
		"a folder":                       {dir, write(t, filepath.Join(dir, "f"), "")},
		"no name for a mount option":     {filepath.Join(comma, "y"), filepath.Join(dir, "f")},
		"what it is to see is not there": {filepath.Join(comma, "x"), filepath.Join(dir, "missing")},
	} {
		if _, err := Run(t.Context(), t.TempDir(), []Replace{f}, programs.Cmd{Name: "true", Timeout: time.Minute}); !errors.Is(err, ErrCannot) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Run(t.Context(), t.TempDir(), nil, programs.Cmd{Name: "false", Timeout: time.Minute}); err == nil || errors.Is(err, ErrCannot) {
		t.Errorf("a program that fails: %v", err)
	}
	if _, err := Run(t.Context(), t.TempDir(), nil, programs.Cmd{Name: "no-such-program-here", Timeout: time.Minute}); err == nil {
		t.Error("a program that is not there")
	}
}
