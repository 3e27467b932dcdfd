package rpm

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestLocksOfDNF5: a lock file counts while it is locked, not because it is there.
func TestLocksOfDNF5(t *testing.T) {
	t.Parallel()
	for _, file := range lockFiles {
		h := &Host{Root: t.TempDir()}
		path := h.Path(file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if who, err := h.Busy(t.Context()); err != nil || who != nil {
			t.Errorf("%s is there, and nobody has it: %v, %v", file, who, err)
		}
		if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
			t.Fatal(err)
		}
		if who, err := h.Busy(t.Context()); err != nil || who == nil {
			t.Errorf("%s is locked: %v, %v", file, who, err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		// A program that another test starts at this moment has the open file, and so its lock, until it is executed.
		for try := 0; ; try++ {
			who, err := h.Busy(t.Context())
			if err == nil && who == nil {
				break
			}
			if err != nil || try == 500 {
				t.Fatalf("%s is free again: %v, %v", file, who, err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func TestHolder(t *testing.T) {
	t.Parallel()
	for want, h := range map[string]Holder{
		"dnf upgrade, process 7": {7, "dnf upgrade"}, "process 7": {PID: 7}, "another rpm": {Name: "another rpm"}, "a process that the kernel does not name": {PID: -1},
	} {
		if got := h.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
