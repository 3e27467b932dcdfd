// Package thread does what changes the thread that it is done on, as setns and unshare of namespaces and the calls that change
// a thread's rights do.
package thread

import (
	"runtime"
	"syscall"
)

// Own runs do on a thread that ends with it, and returns when do has. A program's first thread does not end, and /proc/self is
// about that one: it is kept away meanwhile.
func Own(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked, but for the first thread
		if syscall.Gettid() != syscall.Getpid() {
			do()
			return
		}
		Own(do)
		runtime.UnlockOSThread()
	}()
	<-done
}
