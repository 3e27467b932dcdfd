package tree

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

const (
	immutable  = 0x10
	appendOnly = 0x20
	noDump     = 0x40
)

// chattr sets a file's flags; a file system that has none fails the test.
func chattr(t *testing.T, path string, flags uint32) {
	t.Helper()
	n, err := host.OpenPath(path)
	ok(t, err)
	defer n.Close()
	ok(t, n.SetFlags(flags))
	if got, err := n.Flags(); err != nil || got != flags {
		t.Fatalf("%s has the flags %#x %v, not %#x: the file system of %s has none", path, got, err, flags, os.TempDir())
	}
}

func lsattr(t *testing.T, path string) uint32 {
	t.Helper()
	n, err := host.OpenPath(path)
	ok(t, err)
	defer n.Close()
	flags, err := n.Flags()
	ok(t, err)
	return flags
}

// TestFlags harms files that chattr made immutable or append-only in every way in
// which root can, and wants them back with their flags.
func TestFlags(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(at string) error{
		"nothing":        func(string) error { return nil },
		"flags are gone": func(at string) error { return setAll(at, 0) },
		"other flags":    func(at string) error { return setAll(at, noDump) },
		"removed": func(at string) error {
			return errorsOf(setAll(at, 0), removeAll(at, "/log", "/fixed", "/dir", "/first", "/second"))
		},
		"folder to file": func(at string) error {
			return errorsOf(setAll(at, 0), removeAll(at, "/dir"), os.WriteFile(at+"/dir", nil, 0o600), setAll(at, immutable))
		},
		"changed, frozen": func(at string) error { return changeAndFreeze(at, immutable) },
		"changed, append": func(at string) error { return changeAndFreeze(at, appendOnly) },
		"more names": func(at string) error {
			return errorsOf(setAll(at, 0), os.Link(at+"/fixed", at+"/dir/more"), os.Remove(at+"/second"), os.Link(at+"/fixed", at+"/second"), setAll(at, immutable))
		},
		"mode": func(at string) error {
			return errorsOf(setAll(at, 0), os.Chmod(at+"/fixed", 0o777), setAll(at, appendOnly))
		},
		"new and frozen": func(at string) error {
			return errorsOf(setAll(at, 0), os.MkdirAll(at+"/dir/new/deep", 0o755), os.WriteFile(at+"/dir/new/deep/x", nil, 0o600), setAll(at, immutable))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, ctx := newWorld(t), context.Background()
			t.Cleanup(func() { _ = setAll(w.at, 0) })
			for _, f := range []string{"/log", "/fixed", "/dir/x", "/first", "/plain"} {
				w.put(f, f, 0o640, 3, 4)
			}
			ok(t, os.Link(w.at+"/first", w.at+"/second"))
			was := map[string]uint32{"/log": appendOnly | noDump, "/fixed": immutable, "/first": immutable, "/second": immutable, "/plain": 0, "/dir": appendOnly}
			for path, flags := range was {
				chattr(t, w.at+path, flags)
			}
			before := w.look()
			for range 2 { // the second time nothing was touched
				ok(t, w.copy.Save(ctx, w.at, false))
			}
			if got := lsattr(t, w.root+"/backup/0/fixed"); got != 0 {
				t.Errorf("the copy cannot be removed: flags %#x", got)
			}
			saved := w.load()
			ok(t, harm(w.at))
			if wrong, err := saved.Differences(ctx, w.at); err != nil || (len(wrong) > 0) != (name != "nothing") {
				t.Error("the proof finds", wrong, err)
			}
			w.restored(saved, before)
			for path, flags := range was {
				if got := lsattr(t, w.at+path); got != flags {
					t.Errorf("%s has the flags %#x, had %#x", path, got, flags)
				}
			}
		})
	}
}

// errorsOf returns the first error.
func errorsOf(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// setAll gives everything in a tree these flags.
func setAll(at string, flags uint32) error {
	return filepath.WalkDir(at, func(p string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() && !d.Type().IsRegular() {
			return err
		}
		n, err := host.OpenPath(p)
		if err != nil {
			return err
		}
		defer n.Close()
		return n.SetFlags(flags)
	})
}

func removeAll(at string, paths ...string) error {
	for _, p := range paths {
		if err := os.RemoveAll(at + p); err != nil {
			return err
		}
	}
	return nil
}

func changeAndFreeze(at string, flags uint32) error {
	err := setAll(at, 0)
	for _, p := range []string{"/log", "/fixed", "/dir/x", "/first", "/plain"} {
		err = errorsOf(err, os.WriteFile(at+p, []byte("changed"), 0o600))
	}
	return errorsOf(err, unix.Setxattr(at+"/dir", "user.x", []byte("1"), 0), setAll(at, flags))
}
