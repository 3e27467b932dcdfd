package output_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/output"
)

func names(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var n []string
	for _, e := range list {
		n = append(n, e.Name())
	}
	return strings.Join(n, " ")
}

func TestCommit(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a[b]", "dist")
	s, err := output.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"one", "two"} {
		if err := s.Add(n, []byte(n)); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(t, dir); strings.HasPrefix(got, "one") || strings.Contains(got, " two") {
		t.Errorf("before the commit there is %s", got)
	}
	if _, err := output.Open(dir); err != nil { // another command at the same time removes nothing of ours
		t.Fatal(err)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	s.Discard()
	if got := names(t, dir); got != "one two" {
		t.Errorf("got %s", got)
	}
	info, err := os.Stat(filepath.Join(dir, "one"))
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := output.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add("one", nil); err != nil {
		t.Fatal(err)
	}
	s.Discard()
	if got := names(t, dir); got != "" {
		t.Errorf("left: %s", got)
	}
}

// A killed command leaves a temporary file; the next one removes it.
func TestKilled(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv("OUTPUT_TEST_DIR"); dir != "" {
		s, err := output.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add("one", []byte("half")); err != nil {
			t.Fatal(err)
		}
		os.Exit(9) // no deferred function runs, as after kill -9
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), "OUTPUT_TEST_DIR="+dir)
	if err := cmd.Run(); err == nil {
		t.Fatal("it did not die")
	}
	if got := names(t, dir); !strings.HasPrefix(got, ".one.") {
		t.Fatalf("left: %q", got)
	}
	s, err := output.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.Discard()
	if got := names(t, dir); got != "" {
		t.Errorf("left: %s", got)
	}
}

func TestUnwritable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := output.Open(filepath.Join(file, "dist")); exit.Code(err) != exit.Output {
		t.Errorf("below a file: %v", err)
	}
	if _, err := output.Open("/proc/1/dist"); exit.Code(err) != exit.Output {
		t.Errorf("in /proc: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := output.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add("taken", nil); exit.Code(err) != exit.Output {
		t.Errorf("a folder has the name: %v", err)
	}
}
