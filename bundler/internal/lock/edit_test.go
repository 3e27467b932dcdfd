package lock

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/strictyaml"
)

// A release's file is edited as one step: a link stays a link, the mode stays, and what
// somebody else wrote meanwhile is not overwritten.
func TestEdit(t *testing.T) {
	t.Parallel()
	const text = "version: 1.0 # ours\ncomponents:\n  - name: a\n    arch: noarch\n"
	dir := t.TempDir()
	path, link := filepath.Join(dir, "real.yaml"), filepath.Join(dir, "link.yaml")
	write := func() *release.File {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		var into release.Release
		doc, mistakes := strictyaml.Decode("link.yaml", []byte(text), &into)
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		return &release.File{Path: link, Source: []byte(text), Doc: doc}
	}
	if err := os.Symlink("real.yaml", link); err != nil {
		t.Fatal(err)
	}
	change := []strictyaml.Change{{Path: []any{"components", 0}, Key: "size", Value: "3", After: []string{"arch"}}}
	file := write()
	if err := edit(file, nil); err != nil {
		t.Error(err)
	}
	if err := edit(file, change); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != text+"    size: 3\n" {
		t.Errorf("got %q, %v", got, err)
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v, %v", info, err)
	}
	if err := edit(file, change); exit.Code(err) != exit.Output || !strings.Contains(err.Error(), "was changed meanwhile") {
		t.Errorf("got %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".lock-*")); err != nil || left != nil {
		t.Errorf("left %q, %v", left, err)
	}
	if err := replace(filepath.Join(dir, "nowhere"), nil); err == nil {
		t.Error("a file that is not there was replaced")
	}
}
