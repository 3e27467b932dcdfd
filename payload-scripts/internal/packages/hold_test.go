package packages

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/rpm"
)

// TestHold has a real rpm begin while the lock is held: it does not get in, and our own
// transaction does, after which the lock is free.
func TestHold(t *testing.T) {
	t.Parallel()
	w := rpmtest.Product(t)
	w.Install(t)
	customize(t, w)
	s := setOf(t, w)
	if err := s.RPM.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "p.rpm")
	if err := os.WriteFile(path, rpmtest.Build(t, rpmtest.Package{Name: "other", Version: "1"}), 0o600); err != nil {
		t.Fatal(err)
	}
	install := func() (string, error) {
		out, err := exec.Command("rpm", "--root", w.Root, "-U", path).CombinedOutput()
		return string(out), err
	}
	if out, err := install(); err == nil || !strings.Contains(out, "lock") {
		t.Errorf("another rpm got in while the lock was held: %v %s", err, out)
	}
	if who, err := s.RPM.Busy(t.Context()); err != nil || who != nil {
		t.Errorf("we are in our own way: %v, %v", who, err)
	}
	if err := s.Converge(t.Context(), manifest.New, Options{}); err != nil {
		t.Fatal(err)
	}
	if out, err := install(); err != nil {
		t.Errorf("after our transaction: %v %s", err, out)
	}
	mustBe(t, w, s, manifest.New, slices.Sorted(slices.Values(append([]string{"other-1-1.noarch"}, newSet...))))
}

// TestHoldWaits for whoever has the lock, and says who does not end.
func TestHoldWaits(t *testing.T) {
	t.Parallel()
	w := rpmtest.Product(t)
	w.Install(t)
	s, other := setOf(t, w), &rpm.Host{Root: w.Root}
	if err := other.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.RPM.LockWait = 10 * time.Millisecond
	if busy := (*rpm.BusyError)(nil); !errors.As(s.RPM.Hold(t.Context()), &busy) {
		t.Error("two hold the lock")
	}
	s.RPM.LockWait = time.Minute
	done := make(chan error)
	go func() { done <- s.RPM.Hold(t.Context()) }()
	other.Release()
	if err := <-done; err != nil {
		t.Error(err)
	}
	s.RPM.Release()
	s.RPM.Release() // may be called again
	if who, err := other.Busy(t.Context()); err != nil || who != nil {
		t.Errorf("the lock is not free: %v, %v", who, err)
	}
}
