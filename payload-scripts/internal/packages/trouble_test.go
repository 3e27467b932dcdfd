package packages

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/rpm"
)

func TestAnotherPackageManagerThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	w := rpmtest.Product(t)
	w.Install(t)
	customize(t, w)
	s := setOf(t, w)
	s.RPM.LockWait = 300 * time.Millisecond
	path := filepath.Join(t.TempDir(), "p.rpm")
	other := rpmtest.Package{Name: "slow", Version: "1", Post: "echo > /inside; while [ -e /inside ] && [ ! -e /go-on ]; do sleep 0.1; done\n"}
	if err := os.WriteFile(path, rpmtest.Build(t, other), 0o600); err != nil {
		t.Fatal(err)
	}
	install := exec.Command("rpm", "--root", w.Root, "-U", path)
	if err := install.Start(); err != nil {
		t.Fatal(err)
	}
	for w.Read("/inside") == "" {
		time.Sleep(10 * time.Millisecond)
	}
	for _, side := range []manifest.Side{manifest.New, manifest.Old} {
		err := s.Converge(context.Background(), side, Options{})
		if busy := (*rpm.BusyError)(nil); !errors.As(err, &busy) || !strings.Contains(busy.Who, "rpm") {
			t.Errorf("to %s: %v", side, err)
		}
	}
	// The one that is asked meanwhile goes on as soon as the other ends.
	s.RPM.LockWait = time.Minute
	done := make(chan error)
	go func() { done <- s.Converge(context.Background(), manifest.New, Options{}) }()
	w.Write(t, "/go-on", "")
	if err := errors.Join(install.Wait(), <-done); err != nil {
		t.Fatal(err)
	}
	mustBe(t, w, s, manifest.New, append(append([]string{}, newSet...), "slow-1-1.noarch"))
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	old, new := rpmtest.OldRelease(), rpmtest.NewRelease()
	new[1].Files[0].Body = strings.Repeat("j", 3<<20)
	w := rpmtest.New(t, old, new)
	w.Manifest.Skip = rpmtest.Product(t).Manifest.Skip
	dir := w.Root + "/opt/influx"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "none", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	w.Install(t)
	customize(t, w)
	s := setOf(t, w)
	if err := s.Converge(ctx, manifest.New, Options{}); err == nil || !strings.Contains(err.Error(), "No space left") && !strings.Contains(err.Error(), "needs") {
		t.Errorf("the error is: %v", err)
	}
	if err := s.Converge(ctx, manifest.Old, Options{}); err != nil {
		t.Fatal(err)
	}
	mustBe(t, w, s, manifest.Old, oldSet)
}

func TestUnknownOptionalPackagesAreNotErased(t *testing.T) {
	t.Parallel()
	w := rpmtest.Product(t)
	w.Install(t)
	s := setOf(t, w)
	s.Had = nil
	if err := s.Converge(context.Background(), manifest.Old, Options{}); err == nil {
		t.Error("it did not ask")
	}
	if got := strings.Join(w.Set(t), " "); got != strings.Join(oldSet, " ") {
		t.Errorf("installed: %s", got)
	}
}
