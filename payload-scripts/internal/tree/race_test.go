package tree

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestReplacedWhileLookedAt replaces a file in the moment in which it was looked
// at and was not opened yet: the progress of a file is told then.
func TestReplacedWhileLookedAt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at   string // the file that is being looked at
		harm func(w *world) error
	}{
		"a file goes": {"a", func(w *world) error { return os.Remove(w.at + "/a") }},
		"a file becomes a link": {"a", func(w *world) error {
			return errorsOf(os.Remove(w.at+"/a"), os.Symlink(w.root+"/victim/a", w.at+"/a"))
		}},
		"a file becomes a FIFO": {"a", func(w *world) error {
			return errorsOf(os.Remove(w.at+"/a"), unix.Mkfifo(w.at+"/a", 0o600))
		}},
		"a folder goes": {"dir", func(w *world) error { return os.RemoveAll(w.at + "/dir") }},
		"a folder becomes a file": {"dir", func(w *world) error {
			return errorsOf(os.RemoveAll(w.at+"/dir"), os.WriteFile(w.at+"/dir", nil, 0o600))
		}},
		"a folder becomes a link": {"dir", func(w *world) error {
			return errorsOf(os.RemoveAll(w.at+"/dir"), os.Symlink(w.root+"/victim", w.at+"/dir"))
		}},
		"a folder becomes another": {"dir", func(w *world) error {
			return errorsOf(os.Rename(w.at+"/dir", w.at+"/old"), os.Rename(w.root+"/victim", w.at+"/dir"))
		}},
		"a file grows": {"a", func(w *world) error { return os.WriteFile(w.at+"/a", []byte(strings.Repeat("more", 1000)), 0o600) }},
		"the top goes": {".", func(w *world) error { return os.RemoveAll(w.at) }},
	} {
		for _, live := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.put("/a", "content", 0o600, 1, 1)
				w.put("/dir/b", "content", 0o600, 1, 1)
				ok(t, os.Mkdir(w.root+"/victim", 0o755))
				ok(t, os.WriteFile(w.root+"/victim/a", []byte("outside"), 0o600))
				harmed := false
				w.copy.Progress = func(path string, _ int64) {
					if path == c.at && !harmed {
						harmed = true
						ok(t, c.harm(w))
					}
				}
				ok(t, w.copy.Save(context.Background(), w.at, live)) // once is forgiven: it is saved as it is now
				if !live {
					w.restored(w.load(), w.look())
				}
				if out := find(t, w.copy.Dir, "outside", func(*unix.Stat_t) bool { return true }); len(out) > 0 && name != "a folder becomes another" {
					t.Error("saved from outside:", out)
				}
				w.copy.Progress = nil
				saved := w.save()
				w.restored(saved, w.look())
			})
		}
	}
}

// TestFilesThatKeepChanging: a stopped product's files do not; somebody else is at work.
func TestFilesThatKeepChanging(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("/log", "x", 0o600, 0, 0)
	w.put("/quiet", "x", 0o600, 0, 0)
	writes := 0
	w.copy.Progress = func(path string, _ int64) {
		if path == "quiet" {
			writes++
			ok(t, os.WriteFile(w.at+"/log", []byte(strings.Repeat("x", writes)), 0o600))
		}
	}
	err := w.copy.Save(context.Background(), w.at, false)
	if err == nil || !strings.Contains(err.Error(), "found first: log") || writes < maxTries {
		t.Errorf("%v after %d writes", err, writes)
	}
	if _, err := w.copy.Load(); !errors.Is(err, os.ErrNotExist) {
		t.Error("the copy counts as complete:", err)
	}
	w.copy.Progress = func(path string, _ int64) {
		if path == "." {
			ok(t, os.Rename(w.at, w.at+".old"))
			ok(t, os.Mkdir(w.at, 0o755))
			ok(t, os.RemoveAll(w.at+".old"))
		}
	}
	err = w.copy.Save(context.Background(), w.at, false)
	if err == nil || !strings.Contains(err.Error(), "replaced while it was looked at") {
		t.Error(err)
	}
	w.copy.Progress = nil
	ok(t, w.copy.Save(context.Background(), w.at, true)) // of a living one that is no error
}

// TestStopped ends every step at every file and goes on from there.
func TestStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill()
	before := w.look()
	stopAt := func(n int, do func(context.Context) error) error {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		w.copy.Progress = func(string, int64) {
			if n--; n == 0 {
				stop()
			}
		}
		defer func() { w.copy.Progress = nil }()
		return do(ctx)
	}
	stops := 0
	for n := 1; ; n++ {
		err := stopAt(n, func(ctx context.Context) error { return w.copy.Save(ctx, w.at, false) })
		if err == nil {
			break
		}
		if _, loadErr := w.copy.Load(); !errors.Is(err, context.Canceled) || !errors.Is(loadErr, os.ErrNotExist) {
			t.Fatal(err, loadErr)
		}
		stops++
	}
	w.same(w.look(), before)
	for n := 1; ; n++ {
		ok(t, os.RemoveAll(w.at+"/sub"))
		ok(t, os.RemoveAll(w.at+"/one"))
		ok(t, os.WriteFile(w.at+"/plain", []byte{byte(n)}, 0o600))
		err := stopAt(n, func(ctx context.Context) error { return w.load().Restore(ctx, w.at) })
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		stops++
	}
	if stops < 30 {
		t.Errorf("stopped %d times only", stops)
	}
	w.restored(w.load(), before)
}

// TestFullDisk: neither a copy nor a tree is taken for complete, and with room
// again all goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"backup", "app"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			w, ctx := newWorld(t), context.Background()
			disk := w.root + "/" + where
			ok(t, unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"))
			t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
			for _, f := range []string{"/a", "/b", "/c", "/dir/d"} {
				w.put(f, strings.Repeat(f, 50<<10), 0o640, 3, 4)
			}
			w.age()
			before := w.look()
			room := func(size string) { ok(t, unix.Mount("", disk, "tmpfs", unix.MS_REMOUNT, "size="+size)) }
			if where == "backup" {
				room("256k")
				if err := w.copy.Save(ctx, w.at, false); !errors.Is(err, unix.ENOSPC) {
					t.Fatal(err)
				}
				if _, err := w.copy.Load(); !errors.Is(err, os.ErrNotExist) {
					t.Error("the copy counts as complete:", err)
				}
				w.same(w.look(), before)
				room("1m")
			}
			saved := w.save()
			if where == "app" {
				ok(t, os.Remove(w.at+"/a"))
				ok(t, os.WriteFile(w.root+"/app/other", make([]byte, 450<<10), 0o600)) // takes the room that was its
				if err := saved.Restore(ctx, w.at); !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "copy a") {
					t.Fatal(err)
				}
				if wrong, err := saved.Differences(ctx, w.at); err != nil || len(wrong) == 0 {
					t.Error("the half counts as complete", err)
				}
				if left := find(t, w.at, "/a/a", func(*unix.Stat_t) bool { return true }); len(left) > 0 {
					t.Error("left behind:", left)
				}
				ok(t, os.Remove(w.root+"/app/other"))
			}
			w.restored(saved, before)
		})
	}
}

// TestReadOnly: the error says what could not be done, and to what.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	ok(t, unix.Mount("tmpfs", w.root+"/app", "tmpfs", 0, ""))
	t.Cleanup(func() { _ = unix.Unmount(w.root+"/app", unix.MNT_DETACH) })
	w.fill()
	before := w.look()
	saved := w.save()
	remount := func(flags uintptr) { ok(t, unix.Mount("", w.root+"/app", "", unix.MS_REMOUNT|flags, "")) }
	for name, harm := range map[string]func() error{
		"content":   func() error { return os.WriteFile(w.at+"/plain", []byte("x"), 0o600) },
		"mode":      func() error { return os.Chmod(w.at+"/setuid", 0o600) },
		"more":      func() error { return os.WriteFile(w.at+"/more", nil, 0o600) },
		"link":      func() error { return os.Remove(w.at + "/link") },
		"hard link": func() error { return os.Remove(w.at + "/zz") },
		"folder":    func() error { return os.Remove(w.at + "/hollow") },
	} {
		remount(0)
		w.restored(saved, before)
		ok(t, harm())
		remount(unix.MS_RDONLY)
		if err := saved.Restore(ctx, w.at); !errors.Is(err, unix.EROFS) {
			t.Errorf("%s: %v", name, err)
		}
	}
	remount(0)
	w.restored(saved, before)
	remount(unix.MS_RDONLY)
	w.restored(saved, before) // nothing is to be done
}
