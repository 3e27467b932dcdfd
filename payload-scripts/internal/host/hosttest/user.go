// Package hosttest lets tests be attacked: somebody who is not root changes what
// is his own while root works on it.
package hosttest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// User is the user and group of him who is not root.
const User = 991

// AsUser calls work again and again, with the rights of User on files, until stop
// is called: that returns how often. work ignores its own errors: what is not
// permitted is no attack.
func AsUser(t *testing.T, work func(n int)) (stop func() int) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("these tests need root")
	}
	var (
		end   = make(chan struct{})
		ended = make(chan int)
		ready = make(chan error)
	)
	go func() {
		runtime.LockOSThread() // for good: the thread's rights are his, and it ends with this goroutine
		ready <- become(User)
		for n := 0; ; n++ {
			select {
			case <-end:
				ended <- n
				return
			default:
				work(n)
			}
		}
	}()
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	count := 0
	stop = func() int {
		once.Do(func() { close(end); count = <-ended })
		return count
	}
	t.Cleanup(func() { stop() })
	return stop
}

// become gives this thread, not the process, the file rights of a user.
func become(id int) error {
	if _, err := unix.SetfsgidRetGid(id); err != nil {
		return err
	}
	if _, err := unix.SetfsuidRetUid(id); err != nil { // takes root's capabilities on files away too
		return err
	}
	if now, err := unix.SetfsuidRetUid(-1); err != nil || now != id {
		return fmt.Errorf("file rights are those of %d: %w", now, err)
	}
	return nil
}

// Folder returns a temporary folder that anybody may go through, in memory: what
// root syncs does not slow down the attack.
func Folder(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for p := dir; strings.HasPrefix(p, os.TempDir()+"/"); p = filepath.Dir(p) {
		if err := os.Chmod(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// Shot describes everything at a path but access times: kind, mode, owner, inode,
// names, size, times, attributes, content.
func Shot(t *testing.T, path string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&b, "%q %v %d:%d inode %d, %d names, %d bytes, changed %v %v", p, info.Mode(), st.Uid, st.Gid, st.Ino, st.Nlink, st.Size, st.Mtim, st.Ctim)
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %q", data)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
