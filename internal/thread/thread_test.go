package thread

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// onFirst is done on the process's first thread: init runs on it, and main keeps it.
var onFirst = make(chan func())

func init() {
	runtime.LockOSThread()
}

func TestMain(m *testing.M) {
	go func() { os.Exit(m.Run()) }()
	for do := range onFirst { // main has the first thread for itself
		do()
	}
}

// TestOwn is never on the process's first thread, also when that one asks.
func TestOwn(t *testing.T) {
	t.Parallel()
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() { notFirst(t) })
	}
	asking.Wait()
	done := make(chan struct{})
	onFirst <- func() {
		defer close(done)
		if syscall.Gettid() != syscall.Getpid() {
			t.Error("this is not the first thread")
		}
		notFirst(t)
	}
	<-done
}

func notFirst(t *testing.T) {
	t.Helper()
	Own(func() {
		if syscall.Gettid() == syscall.Getpid() {
			t.Error("on the first thread")
		}
	})
}
