package preflight

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// TestTreeSize counts what a copy takes: names of one file once, and no holes.
func TestTreeSize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	size := func() int64 {
		t.Helper()
		n, err := treeSize(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n, err := treeSize(t.Context(), dir+"/gone"); n != 0 || err != nil {
		t.Errorf("of nothing: %d: %v", n, err)
	}
	if err := errors.Join(os.WriteFile(dir+"/a", []byte(strings.Repeat("x", 1<<20)), 0o600), os.Link(dir+"/a", dir+"/b"), os.Link(dir+"/a", dir+"/c"), os.Symlink("a", dir+"/link")); err != nil {
		t.Fatal(err)
	}
	if n := size(); n != 1<<20 {
		t.Errorf("three names of one file: %d bytes", n)
	}
	f, err := os.Create(dir + "/sparse")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(1<<30), f.Close()); err != nil {
		t.Fatal(err)
	}
	if n := size(); n > 2<<20 {
		t.Errorf("with a file that is one hole: %d bytes", n)
	}
	if err := os.WriteFile(dir+"/small", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := size(); n < 1<<20+1 {
		t.Errorf("with a small file: %d bytes", n)
	}
}
