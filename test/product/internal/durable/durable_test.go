package durable_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/machine/disk"
	"onerpm/test/product/internal/durable"
)

// What was written is there after a power cut: the first file in folders that were
// made for it, one beside it, and one in the place of another.
func TestWriteFileOutlivesAPowerCut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := filepath.Join(dir, "disk")
	t.Cleanup(func() {
		if err := disk.Unmount(at); err != nil {
			t.Error(err)
		}
	})
	d, err := disk.New(t.Context(), filepath.Join(dir, "image"), at, 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, body string }{
		{"blueprints/tenant/first/first.tar.gz", "one"},
		{"blueprints/tenant/second/second.tar.gz", strings.Repeat("two", 1<<20)},
		{"blueprints/tenant/second/second.tar.gz", "in its place"},
		{"status.json", ""},
	} {
		path := filepath.Join(d.At(), c.name)
		if err := durable.WriteFile(path, []byte(c.body), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := d.PowerCut(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != c.body {
			t.Errorf("%s after the cut: %d bytes, %v; want %d", c.name, len(got), err, len(c.body))
		}
	}
	if left, err := filepath.Glob(filepath.Join(d.At(), "*/*/*/.new-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestWriteFileMode(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b", "file")
	if err := durable.WriteFile(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{path: 0o640, filepath.Dir(path): 0o755} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", name, info, err, want)
		}
	}
}

// A write that fails leaves what was there, and nothing beside it.
func TestWriteFileFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	folder := filepath.Join(dir, "folder", "in it")
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for what, path := range map[string]string{
		"below a file":             filepath.Join(file, "below"),
		"in the place of a folder": filepath.Dir(folder),
	} {
		if err := durable.WriteFile(path, []byte("new"), 0o644); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("in the folder: %v %v, want the file and the folder", entries, err)
	}
	if body, err := os.ReadFile(file); err != nil || string(body) != "kept" {
		t.Errorf("the file is %q, %v", body, err)
	}
}
