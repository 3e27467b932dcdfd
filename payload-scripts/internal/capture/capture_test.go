package capture

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestRecent(t *testing.T) {
	t.Parallel()
	for release, want := range map[string]bool{
		"3.10.0-1160.el7.x86_64": false, "4.3.9": false, "4.4.0-1": true, "4.18.0-553.el8": true, "5.14.0": true, "10.0": true, "": false, "x": false,
	} {
		if err := recent(release); (err == nil) != want {
			t.Errorf("%q: %v", release, err)
		}
	}
}

// TestOnAThread: the first thread of the process, of which /proc/self tells, stays what it is.
func TestOnAThread(t *testing.T) {
	t.Parallel()
	for range 200 {
		done := make(chan struct{})
		go onAThread(func() {
			if unix.Gettid() == unix.Getpid() {
				t.Error("it is done on the first thread")
			}
			close(done)
		})
		<-done
	}
}
