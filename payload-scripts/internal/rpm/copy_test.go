package rpm_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/rpm"
)

func TestBackup(t *testing.T) {
	t.Parallel()
	w := rpmtest.New(t, []rpmtest.Package{{Name: "rest", Version: "4.1.1"}}, nil)
	w.Install(t)
	to := filepath.Join(w.Var, "backup", "rpmdb")
	h := rpm.Host{Root: w.Root}
	for range 2 { // a second one replaces the first
		if err := h.Backup(context.Background(), to); err != nil {
			t.Fatal(err)
		}
	}
	copied, err := rpm.DBAt(to).All(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(copied, "rest-0:4.1.1-1.noarch") {
		t.Errorf("the copy holds %q", copied)
	}
}

// TestBackupWaits for a transaction that began after the upgrade had looked, and says so when that does not end.
func TestBackupWaits(t *testing.T) {
	t.Parallel()
	w := rpmtest.New(t, []rpmtest.Package{{Name: "rest", Version: "4.1.1"}}, nil)
	w.Install(t)
	to := filepath.Join(w.Var, "rpmdb")
	h, other := &rpm.Host{Root: w.Root, LockWait: 10 * time.Millisecond}, &rpm.Host{Root: w.Root}
	if err := other.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	if busy := (*rpm.BusyError)(nil); !errors.As(h.Backup(t.Context(), to), &busy) {
		t.Error("the database was copied in the middle of a transaction")
	}
	h.LockWait = time.Minute
	done := make(chan error)
	go func() { done <- h.Backup(t.Context(), to) }()
	other.Release()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
