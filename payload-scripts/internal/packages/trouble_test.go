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

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/packages/rpmtest"
)

func TestAnotherPackageManagerThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	w := product(t)
	w.Install(t)
	customize(t, w)
	s := setOf(t, w)
	s.LockWait = 300 * time.Millisecond
	path := filepath.Join(t.TempDir(), "p.rpm")
	other := rpmtest.Package{Name: "slow", Version: "1", Post: "echo > /inside; while [ ! -e /go-on ]; do sleep 0.1; done\n"}
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
		if busy := (*BusyError)(nil); !errors.As(err, &busy) || !strings.Contains(busy.Who, "rpm") {
			t.Errorf("to %s: %v", side, err)
		}
	}
	// The one that is asked meanwhile goes on as soon as the other ends.
	s.LockWait = time.Minute
	done := make(chan error)
	go func() { done <- s.Converge(context.Background(), manifest.New, Options{}) }()
	w.Write(t, "/go-on", "")
	if err := errors.Join(install.Wait(), <-done); err != nil {
		t.Fatal(err)
	}
	mustBe(t, w, s, manifest.New, append(append([]string{}, newSet...), "slow-1-1.noarch"))
}

// TestLockLost is about rpm's words when another one took the lock in the moment
// after it was looked at; rpm 4.13 and later do not wait.
func TestLockLost(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]bool{
		"error: can't create transaction lock on /var/lib/rpm/.rpm.lock (Resource temporarily unavailable)": true,
		"error: Failed dependencies:": false,
	} {
		if got := lockLost(judge(&host.ExitError{Name: "rpm", Result: host.Result{Code: 1}}, said)); got != want {
			t.Errorf("%s: %v", said, got)
		}
	}
}

// TestFullDiskIsTheCause is about the words of rpm 4.18 on a full disk: a scriptlet and the
// database fail, and the report must begin with why.
func TestFullDiskIsTheCause(t *testing.T) {
	t.Parallel()
	said := "warning: %post(worker-4.2.0-1.x86_64) scriptlet failed, exit status 2\nerror: sqlite failure: RELEASE 'x': database or disk is full\n" +
		strings.Repeat("error: stage-1-1.noarch: erase skipped\n", 100)
	for _, err := range []error{nil, &host.ExitError{Name: "rpm", Result: host.Result{Code: 7}}} {
		got := judge(err, said)
		if !errors.Is(got, unix.ENOSPC) || !strings.HasPrefix(got.Error(), "no space left on device: ") {
			t.Errorf("%v: %v", err, got)
		}
	}
	other := "error: unpacking of archive failed on file /a;6b0304ca: cpio: write failed - Directory not empty"
	if got := judge(&host.ExitError{Name: "rpm", Result: host.Result{Code: 7}}, other); !errors.Is(got, unix.ENOSPC) {
		t.Errorf("a full disk in other words: %v", got)
	}
	if err := judge(nil, "warning: the disk is full of wonders"); err != nil {
		t.Error(err)
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	old, new := oldRelease(), newRelease()
	new[1].Files[0].Body = strings.Repeat("j", 3<<20)
	w := rpmtest.New(t, old, new)
	w.Manifest.Skip = product(t).Manifest.Skip
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
	w := product(t)
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
