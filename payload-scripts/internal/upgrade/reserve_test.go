package upgrade

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/layout"
)

// TestReserve takes room once for a file system, may do it again, and gives it free again and again.
func TestReserve(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := &reserve{&job.Job{Attempt: layout.Attempt{Var: filepath.Join(dir, "var"), Run: filepath.Join(dir, "run")}}}
	if err := r.allocate(t.Context()); err == nil {
		t.Error("room is set aside in a folder that is not there")
	}
	for _, path := range []string{r.Attempt.Var, r.Attempt.Run} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r.free() // nothing yet
	for range 2 {
		if err := r.allocate(t.Context()); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(r.Attempt.Var, "reserve"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v, %v", info, err)
		}
		if st := info.Sys().(*syscall.Stat_t); st.Blocks*512 < reserveSize { // st_blocks counts 512 bytes
			t.Errorf("%d bytes of disk are taken, want %d", st.Blocks*512, reserveSize)
		}
		if _, err := os.Stat(filepath.Join(r.Attempt.Run, "reserve")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a second reserve on the same file system: %v", err)
		}
	}
	for range 2 {
		r.free()
	}
	for _, path := range r.files() {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is there: %v", path, err)
		}
	}
}
