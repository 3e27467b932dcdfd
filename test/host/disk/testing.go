package disk

import (
	"path/filepath"
	"testing"
)

// sizeMiB is a disk of a test: the smallest with a journal of a usual size.
const sizeMiB = 64

// Start makes a disk for a test and removes it at the test's end. It returns once
// the disk is empty and synced.
func Start(t testing.TB) *Disk {
	t.Helper()
	dir := t.TempDir()
	at := filepath.Join(dir, "disk")
	t.Cleanup(func() {
		if err := Unmount(at); err != nil {
			t.Error(err)
		}
	})
	d, err := New(t.Context(), filepath.Join(dir, "image"), at, sizeMiB)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
