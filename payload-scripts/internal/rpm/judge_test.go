package rpm

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/programs"
)

// TestLockLost is about rpm's words when another one took the lock in the moment
// after it was looked at; rpm 4.13 and later do not wait.
func TestLockLost(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]bool{
		"error: can't create transaction lock on /var/lib/rpm/.rpm.lock (Resource temporarily unavailable)": true,
		"error: Failed dependencies:": false,
	} {
		if got := lockLost(judge(&programs.ExitError{Name: "rpm", Result: programs.Result{Code: 1}}, said)); got != want {
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
	for _, err := range []error{nil, &programs.ExitError{Name: "rpm", Result: programs.Result{Code: 7}}} {
		got := judge(err, said)
		if !errors.Is(got, unix.ENOSPC) || !strings.HasPrefix(got.Error(), "no space left on device: ") {
			t.Errorf("%v: %v", err, got)
		}
	}
	other := "error: unpacking of archive failed on file /a;6b0304ca: cpio: write failed - Directory not empty"
	if got := judge(&programs.ExitError{Name: "rpm", Result: programs.Result{Code: 7}}, other); !errors.Is(got, unix.ENOSPC) {
		t.Errorf("a full disk in other words: %v", got)
	}
	if err := judge(nil, "warning: the disk is full of wonders"); err != nil {
		t.Error(err)
	}
}
