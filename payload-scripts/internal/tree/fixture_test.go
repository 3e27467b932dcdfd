package tree

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// world is a tree on a host and the place where it is saved.
type world struct {
	t    *testing.T
	root string // of everything
	at   string // the tree
	copy Copy
}

func newWorld(t *testing.T) *world {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("these tests need root")
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	ok(t, err)
	w := &world{t: t, root: root, at: root + "/app/state", copy: Copy{Dir: root + "/backup", Name: "0"}}
	ok(t, os.Mkdir(w.copy.Dir, 0o700))
	ok(t, os.Mkdir(root+"/app", 0o755))
	return w
}

// put makes a file with its folders.
func (w *world) put(path, content string, mode uint32, uid, gid int) {
	w.t.Helper()
	at := w.at + path
	ok(w.t, os.MkdirAll(filepath.Dir(at), 0o755))
	ok(w.t, os.WriteFile(at, []byte(content), 0o600))
	ok(w.t, os.Chown(at, uid, gid))
	ok(w.t, unix.Chmod(at, mode))
}

// accessList is an ACL that lets user 33 read and run.
const accessList = "\x02\x00\x00\x00" + "\x01\x00\x07\x00\xff\xff\xff\xff" + "\x02\x00\x05\x00\x21\x00\x00\x00" +
	"\x04\x00\x05\x00\xff\xff\xff\xff" + "\x10\x00\x05\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff"

// capability lets a program bind to ports below 1024.
const capability = "\x01\x00\x00\x02" + "\x00\x04\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// fill makes something of every kind, with times in the past.
func (w *world) fill() {
	w.t.Helper()
	w.put("/plain", "content", 0o640, 7, 8)
	w.put("/empty", "", 0o444, 0, 0)
	w.put("/setuid", "#!/bin/sh\n", 0o6755, 0, 0)
	w.put("/capable", "program", 0o755, 0, 0)
	ok(w.t, unix.Setxattr(w.at+"/capable", "security.capability", []byte(capability), 0))
	w.put("/shared", "for some", 0o750, 1, 1)
	ok(w.t, unix.Setxattr(w.at+"/shared", "system.posix_acl_access", []byte(accessList), 0))
	ok(w.t, unix.Setxattr(w.at+"/shared", "user.note", []byte("x\x00y"), 0))
	w.put("/sub/given", "gives its own ACL to what is made in it", 0o600, 0, 0)
	ok(w.t, unix.Setxattr(w.at+"/sub", "system.posix_acl_default", []byte(accessList), 0))
	w.put("/latin\xe9\n%41", "odd name", 0o600, 0, 0)
	w.put("/"+strings.Repeat("n", 255), "longest name", 0o600, 0, 0)
	w.put("/sparse", "begin", 0o600, 0, 0)
	ok(w.t, os.Truncate(w.at+"/sparse", 8<<20))
	w.put("/one", "of three names", 0o600, 3, 3)
	ok(w.t, os.Link(w.at+"/one", w.at+"/sub/two"))
	ok(w.t, os.Link(w.at+"/one", w.at+"/zz"))
	ok(w.t, os.Symlink("../../\xff", w.at+"/link"))
	ok(w.t, os.Lchown(w.at+"/link", 5, 6))
	ok(w.t, os.Mkdir(w.at+"/hollow", 0o700))
	ok(w.t, unix.Chmod(w.at+"/hollow", 0o3770))
	ok(w.t, unix.Mkfifo(w.at+"/fifo", 0o620))
	ok(w.t, os.Chown(w.at+"/fifo", 9, 9))
	ok(w.t, unix.Mknod(w.at+"/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	w.age()
}

// age gives everything a time in the past.
func (w *world) age() {
	w.t.Helper()
	ok(w.t, filepath.WalkDir(w.at, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		old := unix.NsecToTimespec(15e17 + 123456789)
		return unix.UtimesNanoAt(unix.AT_FDCWD, p, []unix.Timespec{old, old}, unix.AT_SYMLINK_NOFOLLOW)
	}))
}

// save saves the tree as one that does not change any more.
func (w *world) save() *Saved {
	w.t.Helper()
	ok(w.t, w.copy.Save(context.Background(), w.at, false))
	return w.load()
}

func (w *world) load() *Saved {
	w.t.Helper()
	s, err := w.copy.Load()
	ok(w.t, err)
	return s
}

// restored restores the tree twice, and wants it to be the same both times.
func (w *world) restored(s *Saved, want map[string]string) {
	w.t.Helper()
	ctx := context.Background()
	for range 2 {
		ok(w.t, s.Restore(ctx, w.at))
		wrong, err := s.Differences(ctx, w.at)
		if err != nil || len(wrong) > 0 {
			w.t.Errorf("the proof finds %q %v", wrong, err)
		}
		w.same(w.look(), want)
	}
}

// look describes everything in the tree, and beside it.
func (w *world) look() map[string]string {
	w.t.Helper()
	out, first := map[string]string{}, map[uint64]string{}
	err := filepath.WalkDir(filepath.Dir(w.at), func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		line := fmt.Sprint(info.Mode(), " ", st.Uid, ":", st.Gid)
		if p != filepath.Dir(w.at) {
			line += fmt.Sprint(" ", st.Mtim.Nano())
		}
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			if first[st.Ino] == "" {
				first[st.Ino] = p
			}
			line += fmt.Sprintf(" %d bytes %.40q, name of %q", len(data), data, first[st.Ino])
			if st.Size > 1<<20 && st.Blocks*512 > 1<<20 {
				line += " without holes"
			}
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(p)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" to %q", to)
		case info.Mode()&fs.ModeDevice != 0:
			line += fmt.Sprint(" device ", st.Rdev)
		}
		buf := make([]byte, 4096)
		n, err := unix.Llistxattr(p, buf)
		if err != nil {
			return err
		}
		keys := strings.Split(strings.Trim(string(buf[:n]), "\x00"), "\x00")
		sort.Strings(keys)
		for _, key := range keys {
			if key != "" {
				n, err := unix.Lgetxattr(p, key, buf)
				if err != nil {
					return err
				}
				line += fmt.Sprintf(" %s=%x", key, buf[:n])
			}
		}
		out[p] = line
		return nil
	})
	ok(w.t, err)
	return out
}

func (w *world) same(got, want map[string]string) {
	w.t.Helper()
	all := map[string]bool{}
	for p := range got {
		all[p] = true
	}
	for p := range want {
		all[p] = true
	}
	for p := range all {
		if got[p] != want[p] {
			w.t.Errorf("%q\n   is %s\n  was %s", p, got[p], want[p])
		}
	}
}
