package tree

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestThereAndBack harms a tree in every way that a new release, a package or an
// admin might, and wants exactly the old one.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	move := func(at, from, to string) error { return os.Rename(at+from, at+to) }
	for name, harm := range map[string]func(at string) error{
		"nothing":             func(string) error { return nil },
		"all gone":            os.RemoveAll,
		"a file in its place": func(at string) error { return errorsOf(os.RemoveAll(at), os.WriteFile(at, []byte("x"), 0o600)) },
		"a FIFO in its place": func(at string) error { return errorsOf(os.RemoveAll(at), unix.Mkfifo(at, 0o600)) },
		"a link in its place": func(at string) error {
			return errorsOf(os.Rename(at, at+".moved"), os.Symlink("state.moved", at), os.RemoveAll(at+".moved"))
		},
		"content": func(at string) error { return os.WriteFile(at+"/plain", []byte("other"), 0o600) },
		"content of the same size and time": func(at string) error {
			info, err := os.Stat(at + "/plain")
			return errorsOf(err, os.WriteFile(at+"/plain", []byte("CONTENT"), 0o600), os.Chtimes(at+"/plain", info.ModTime(), info.ModTime()))
		},
		"longer":           func(at string) error { return os.Truncate(at+"/plain", 1<<20) },
		"shorter":          func(at string) error { return os.Truncate(at+"/plain", 1) },
		"hole filled":      func(at string) error { return os.WriteFile(at+"/sparse", make([]byte, 8<<20), 0o600) },
		"mode":             func(at string) error { return unix.Chmod(at+"/setuid", 0o700) },
		"owner":            func(at string) error { return os.Chown(at+"/setuid", 1, 1) },
		"owner of a link":  func(at string) error { return os.Lchown(at+"/link", 0, 0) },
		"link":             func(at string) error { return errorsOf(os.Remove(at+"/link"), os.Symlink("/", at+"/link")) },
		"mode of a folder": func(at string) error { return unix.Chmod(at+"/hollow", 0o755) },
		"time":             func(at string) error { return unix.Utimes(at+"/plain", []unix.Timeval{{Sec: 1}, {Sec: 1}}) },
		"time of a folder": func(at string) error { return unix.Utimes(at+"/hollow", []unix.Timeval{{Sec: 1}, {Sec: 1}}) },
		"capability":       func(at string) error { return unix.Removexattr(at+"/capable", "security.capability") },
		"ACL":              func(at string) error { return unix.Removexattr(at+"/shared", "system.posix_acl_access") },
		"default ACL":      func(at string) error { return unix.Removexattr(at+"/sub", "system.posix_acl_default") },
		"ACL where was none": func(at string) error {
			return unix.Setxattr(at+"/plain", "system.posix_acl_access", []byte(accessList), 0)
		},
		"attribute": func(at string) error { return unix.Setxattr(at+"/shared", "user.note", []byte("z"), 0) },
		"more files": func(at string) error {
			return errorsOf(os.MkdirAll(at+"/sub/new/deep", 0o755), os.WriteFile(at+"/sub/new/deep/f", nil, 0o600))
		},
		"fewer files": func(at string) error {
			return errorsOf(os.Remove(at+"/plain"), os.Remove(at+"/hollow"), os.RemoveAll(at+"/sub"))
		},
		"renamed": func(at string) error { return errorsOf(move(at, "/plain", "/other"), move(at, "/sub", "/bus")) },
		"turned": func(at string) error {
			return errorsOf(move(at, "/plain", "/t"), move(at, "/empty", "/plain"), move(at, "/t", "/empty"))
		},
		"file to folder": func(at string) error { return errorsOf(os.Remove(at+"/plain"), os.MkdirAll(at+"/plain/x", 0o755)) },
		"folder to file": func(at string) error { return errorsOf(os.RemoveAll(at+"/sub"), os.WriteFile(at+"/sub", nil, 0o600)) },
		"folder to link": func(at string) error { return errorsOf(move(at, "/sub", "/bus"), os.Symlink("bus", at+"/sub")) },
		"file to device": func(at string) error {
			return errorsOf(os.Remove(at+"/plain"), unix.Mknod(at+"/plain", unix.S_IFBLK|0o600, int(unix.Mkdev(7, 0))))
		},
		"other device": func(at string) error {
			return errorsOf(os.Remove(at+"/null"), unix.Mknod(at+"/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))))
		},
		"FIFO to file": func(at string) error { return errorsOf(os.Remove(at+"/fifo"), os.WriteFile(at+"/fifo", nil, 0o600)) },
		"odd name": func(at string) error {
			return errorsOf(os.Remove(at+"/latin\xe9\n%41"), os.WriteFile(at+"/latin%E9", nil, 0o600))
		},
		"longest name": func(at string) error { return os.WriteFile(at+"/"+strings.Repeat("n", 255), []byte("x"), 0o600) },
		"a name less":  func(at string) error { return os.Remove(at + "/sub/two") },
		"one file to two": func(at string) error {
			data, err := os.ReadFile(at + "/one")
			return errorsOf(err, os.Remove(at+"/one"), os.WriteFile(at+"/one", data, 0o600))
		},
		"two files to one": func(at string) error { return errorsOf(os.Remove(at+"/plain"), os.Link(at+"/one", at+"/plain")) },
		"a name outside": func(at string) error {
			return errorsOf(os.Link(at+"/plain", at+".outside"), os.Chmod(at+"/plain", 0o777), os.Remove(at+".outside"))
		},
		"left by a kill":      func(at string) error { return os.WriteFile(at+"/.plain.upgrade~", []byte("half"), 0o600) },
		"left, a folder":      func(at string) error { return os.MkdirAll(at+"/.plain.upgrade~/x", 0o700) },
		"left beside":         func(at string) error { return os.WriteFile(filepath.Dir(at)+"/.state.upgrade~", []byte("half"), 0o600) },
		"attributes of links": func(at string) error { return unix.Lsetxattr(at+"/link", "trusted.x", []byte("1"), 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fill()
			before := w.look()
			saved := w.save()
			w.same(w.look(), before)
			ok(t, harm(w.at))
			w.restored(saved, before)
		})
	}
}

// TestACopyThatLostSomething: nothing of the old state goes because the copy does not have it.
func TestACopyThatLostSomething(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(copy string) error{
		"an attribute": func(copy string) error { return unix.Removexattr(copy+"/shared", "user.note") },
		"an owner":     func(copy string) error { return os.Chown(copy+"/plain", 0, 0) },
		"a file":       func(copy string) error { return os.Remove(copy + "/plain") },
		"a folder":     func(copy string) error { return os.RemoveAll(copy + "/sub") },
		"all":          os.RemoveAll,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fill()
			before := w.look()
			saved := w.save()
			ok(t, lose(w.copy.Dir+"/0"))
			ok(t, unix.Utimes(w.at+"/plain", []unix.Timeval{{Sec: 1}, {Sec: 1}}))
			ok(t, unix.Removexattr(w.at+"/shared", "user.note"))
			touched := w.look()
			switch err := saved.Restore(context.Background(), w.at); name {
			case "an attribute", "an owner":
				ok(t, err)
				w.restored(saved, before)
			case "all":
				if err == nil || !strings.Contains(err.Error(), w.copy.Dir+"/0 is gone") {
					t.Error(err)
				}
				w.same(w.look(), touched)
			case "a file":
				ok(t, err)
				if wrong, err := saved.Differences(context.Background(), w.at); err != nil || len(wrong) != 1 || wrong[0] != "plain" {
					t.Error(wrong, err)
				}
				if data, err := os.ReadFile(w.at + "/plain"); err != nil || string(data) != "content" {
					t.Errorf("%q %v", data, err)
				}
			default:
				ok(t, err)
				w.same(w.look(), before)
			}
		})
	}
}

// TestTops saves what stands at a path, whatever it is.
func TestTops(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make  func(w *world) error
		empty bool
	}{
		"nothing":   {func(*world) error { return nil }, true},
		"no folder": {func(w *world) error { w.at = w.root + "/app/lacks/state"; return nil }, true},
		"a file above": {func(w *world) error {
			w.at = w.root + "/app/file/state"
			return os.WriteFile(w.root+"/app/file", nil, 0o600)
		}, true},
		"a file":   {func(w *world) error { return os.WriteFile(w.at, []byte("x"), 0o640) }, false},
		"a FIFO":   {func(w *world) error { return unix.Mkfifo(w.at, 0o640) }, false},
		"a link":   {func(w *world) error { return os.Symlink("nowhere", w.at) }, false},
		"a folder": {func(w *world) error { return os.Mkdir(w.at, 0o750) }, false},
	} {
		for _, harm := range []string{"none", "gone", "file", "folder"} {
			t.Run(name+", "+harm, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				ok(t, c.make(w))
				if !c.empty {
					w.age()
				}
				if name != "no folder" && name != "a file above" {
					before := w.look()
					saved := w.save()
					if saved.Empty() != c.empty {
						t.Error("empty:", saved.Empty())
					}
					ok(t, harmTop(w.at, harm))
					w.restored(saved, before)
					return
				}
				saved := w.save()
				if !saved.Empty() {
					t.Error("not empty")
				}
				ok(t, saved.Restore(context.Background(), w.at))
				if wrong, err := saved.Differences(context.Background(), w.at); err != nil || len(wrong) > 0 {
					t.Error(wrong, err)
				}
				if size, err := Size(context.Background(), w.at); size != 0 || err != nil && name == "no folder" {
					t.Error(size, err)
				}
			})
		}
	}
}

func harmTop(at, harm string) error {
	switch harm {
	case "gone":
		return os.RemoveAll(at)
	case "file":
		return errorsOf(os.RemoveAll(at), os.WriteFile(at, []byte("harm"), 0o600))
	case "folder":
		return errorsOf(os.RemoveAll(at), os.MkdirAll(at+"/harm/deep", 0o700))
	}
	return nil
}

// TestSecondSave copies only what was touched since the first.
func TestSecondSave(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	w.fill()
	ok(t, w.copy.Save(ctx, w.at, true))
	inode := func(path string) uint64 {
		var st unix.Stat_t
		ok(t, unix.Lstat(w.root+"/backup/0"+path, &st))
		return st.Ino
	}
	// Whoever changed a file less than two seconds ago may do so again unseen: such
	// files are always copied again. The test cannot wait, so it says they are older.
	x, err := readIndex(w.copy.indexFile())
	ok(t, err)
	for _, e := range x {
		e.Racy = false
	}
	ok(t, writeIndex(w.copy.indexFile(), x))
	before := map[string]uint64{"/plain": inode("/plain"), "/one": inode("/one"), "/sparse": inode("/sparse")}
	ok(t, os.WriteFile(w.at+"/plain", []byte("changed"), 0o600))
	ok(t, os.Remove(w.at+"/empty"))
	was := w.look()
	ok(t, w.copy.Save(ctx, w.at, false))
	for path, ino := range before {
		if (inode(path) != ino) != (path == "/plain") {
			t.Errorf("%s: inode %d became %d", path, ino, inode(path))
		}
	}
	if inode("/one") != inode("/sub/two") || inode("/one") != inode("/zz") {
		t.Error("the names of one file are not one in the copy")
	}
	if _, err := os.Lstat(w.root + "/backup/0/empty"); !os.IsNotExist(err) {
		t.Error("what was removed is in the copy", err)
	}
	ok(t, os.RemoveAll(w.at))
	w.restored(w.load(), was)
}

// TestRacyFiles are copied again, though nothing says that they changed.
func TestRacyFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("/fresh", "x", 0o600, 0, 0)
	saved := w.save()
	if e := saved.index["fresh"]; !e.Racy {
		t.Errorf("%+v", e)
	}
	var st unix.Stat_t
	ok(t, unix.Lstat(w.at+"/fresh", &st))
	if saved.index["fresh"].untouched(&st) {
		t.Error("taken for untouched")
	}
}

func TestDepth(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	ok(t, os.MkdirAll(w.at+strings.Repeat("/d", maxDepth), 0o755))
	ok(t, w.copy.Save(ctx, w.at, false))
	saved := w.load()
	ok(t, os.RemoveAll(w.at))
	ok(t, saved.Restore(ctx, w.at))
	ok(t, os.Mkdir(w.at+strings.Repeat("/d", maxDepth+1), 0o755))
	for name, err := range map[string]error{
		"save": (Copy{Dir: w.copy.Dir, Name: "1"}).Save(ctx, w.at, false),
		"size": func() error { _, err := Size(ctx, w.at); return err }(),
		"differences": func() error {
			_, err := saved.Differences(ctx, w.at)
			return err
		}(),
	} {
		if err == nil || !strings.Contains(err.Error(), "nest deeper than 200") {
			t.Errorf("%s: %v", name, err)
		}
	}
	ok(t, saved.Restore(ctx, w.at)) // what is too deep goes
	if _, err := os.Lstat(w.at + strings.Repeat("/d", maxDepth+1)); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	ok(t, os.MkdirAll(w.at, 0o755))
	none, err := Size(ctx, w.at)
	ok(t, err)
	w.put("/big", strings.Repeat("x", 1<<20), 0o600, 0, 0)
	ok(t, os.Link(w.at+"/big", w.at+"/again"))
	ok(t, os.WriteFile(w.at+"/sparse", nil, 0o600))
	ok(t, os.Truncate(w.at+"/sparse", 1<<30))
	some, err := Size(ctx, w.at)
	if err != nil || some-none < 1<<20 || some-none > 1<<20+64<<10 {
		t.Errorf("%d bytes more: %v", some-none, err)
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	if _, err := Size(stopped, w.at); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestSockets are known, and neither saved nor asked for.
func TestSockets(t *testing.T) {
	w, ctx := newWorld(t), context.Background()
	w.put("/sub/x", "x", 0o600, 0, 0)
	listen := func(name string) {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		ok(t, err)
		defer unix.Close(fd)
		ok(t, os.Chdir(w.at))
		ok(t, unix.Bind(fd, &unix.SockaddrUnix{Name: name}))
	}
	here, err := os.Getwd()
	ok(t, err)
	defer os.Chdir(here)
	listen("sock")
	saved := w.save()
	if _, err := os.Lstat(w.root + "/backup/0/sock"); !os.IsNotExist(err) {
		t.Error("a socket was copied", err)
	}
	listen("other")
	ok(t, saved.Restore(ctx, w.at))
	if _, err := os.Lstat(w.at + "/sock"); err != nil {
		t.Error("a socket that was there went", err)
	}
	if _, err := os.Lstat(w.at + "/other"); !os.IsNotExist(err) {
		t.Error("a socket that was not there stays", err)
	}
	ok(t, os.Remove(w.at+"/sock"))
	if wrong, err := saved.Differences(ctx, w.at); err != nil || len(wrong) > 1 { // its folder has another time now
		t.Error(wrong, err)
	}
	ok(t, os.WriteFile(w.at+"/sock", nil, 0o600))
	ok(t, saved.Restore(ctx, w.at))
	if _, err := os.Lstat(w.at + "/sock"); !os.IsNotExist(err) {
		t.Error("a file in a socket's place stays", err)
	}
}
