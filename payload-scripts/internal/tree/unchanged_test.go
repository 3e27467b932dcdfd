package tree

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// settle has the index say that everything was changed long before it was saved, as after some seconds: a test cannot wait.
func (w *world) settle() {
	w.t.Helper()
	x, err := readIndex(w.copy.indexFile())
	ok(w.t, err)
	for _, e := range x {
		e.Racy = false
	}
	ok(w.t, writeIndex(w.copy.indexFile(), x))
}

// TestUnchangedFolders: a folder that nobody touched is not made anew, and what is in it is looked at all the same, on the way into
// the copy and back.
func TestUnchangedFolders(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world) error{
		"nothing": func(*world) error { return nil },
		"a file's content": func(w *world) error {
			return os.WriteFile(w.at+"/sub/given", []byte("others"), 0o600)
		},
		"a file deep below": func(w *world) error {
			return os.WriteFile(w.at+"/deep/deeper/deepest/file", []byte("others"), 0o600)
		},
		"a file's mode alone": func(w *world) error { return os.Chmod(w.at+"/sub/given", 0o640) },
		"a new name": func(w *world) error {
			return os.WriteFile(w.at+"/deep/deeper/new", []byte("x"), 0o600)
		},
		"a name that went":             func(w *world) error { return os.Remove(w.at + "/sub/given") },
		"an attribute of a folder":     func(w *world) error { return unix.Setxattr(w.at+"/hollow", "user.x", []byte("y"), 0) },
		"the owner of a folder":        func(w *world) error { return os.Chown(w.at+"/deep/deeper", 12, 13) },
		"a folder in another's place":  func(w *world) error { return another(w.at+"/sub", 0o755) },
		"a folder in place of a file":  func(w *world) error { return another(w.at+"/sub/given", 0o700) },
		"a further name of a file":     func(w *world) error { return os.Link(w.at+"/deep/deeper/deepest/file", w.at+"/sub/other") },
		"one of three names goes away": func(w *world) error { return os.Remove(w.at + "/sub/two") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("/deep/deeper/deepest/file", "content", 0o600, 0, 0)
			w.fill()
			first := w.look()
			w.save()
			w.settle()

			ok(t, change(w))
			w.restored(w.load(), first)

			w.save()
			w.settle()
			ok(t, change(w))
			second := w.look()
			s := w.save()
			ok(t, os.RemoveAll(w.at))
			w.restored(s, second)
		})
	}
}

// another puts an empty folder in the place of what is at a path.
func another(path string, mode os.FileMode) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return os.Mkdir(path, mode)
}

// TestUnchangedFolderOfAKilledSave: what an engine that was killed has left in the copy of a folder goes, though nobody touched the
// folder itself.
func TestUnchangedFolderOfAKilledSave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("/deep/deeper/file", "content", 0o600, 0, 0)
	w.age()
	was := w.look()
	w.save()
	w.settle()
	for _, left := range []string{"/0/.deep.upgrade~", "/0/deep/deeper/.file.upgrade~"} {
		ok(t, os.WriteFile(filepath.Join(w.copy.Dir, left), nil, 0o600))
	}
	s := w.save()
	ok(t, os.RemoveAll(w.at))
	w.restored(s, was)
}

// TestUnchangedFileThatAKilledSaveRemoved: a folder that was elsewhere while an engine was killed, and is back, has files that nobody touched
// and that the copy lost meanwhile.
func TestUnchangedFileThatAKilledSaveRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("/deep/deeper/file", "content", 0o600, 0, 0)
	w.put("/other", "content", 0o600, 0, 0)
	w.put("/zz", "content", 0o600, 0, 0)
	w.age()
	w.save()
	w.settle()
	ok(t, errorsOf(os.Rename(w.at+"/deep", w.root+"/deep"), os.WriteFile(w.at+"/other", nil, 0o600)))
	ctx, kill := context.WithCancel(t.Context())
	w.copy.Progress = func(path string, _ int64) {
		if path == "other" {
			kill()
		}
	}
	if err := w.copy.Save(ctx, w.at, true); err == nil {
		t.Fatal("it was not killed")
	}
	w.copy.Progress = nil
	ok(t, os.Rename(w.root+"/deep", w.at+"/deep"))
	s, was := w.save(), w.look()
	ok(t, os.RemoveAll(w.at))
	w.restored(s, was)
}

// BenchmarkSecondSave is of a tree in which nothing has changed: what a window pays for state that lies still.
func BenchmarkSecondSave(b *testing.B) {
	w := &world{root: b.TempDir()}
	w.at, w.copy = w.root+"/state", Copy{Dir: w.root + "/backup", Name: "0"}
	err := os.Mkdir(w.copy.Dir, 0o700)
	for i := 0; i < 1000 && err == nil; i++ {
		dir := filepath.Join(w.at, string(rune('a'+i%26)), "folder"+string(rune('a'+i/26)))
		if err = os.MkdirAll(dir, 0o755); err == nil {
			err = os.WriteFile(dir+"/file", []byte("x"), 0o600)
		}
	}
	if err == nil {
		err = w.copy.Save(b.Context(), w.at, true)
	}
	var x index
	if err == nil {
		x, err = readIndex(w.copy.indexFile())
	}
	for _, e := range x {
		e.Racy = false
	}
	if err == nil {
		err = writeIndex(w.copy.indexFile(), x)
	}
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := w.copy.Save(b.Context(), w.at, false); err != nil {
			b.Fatal(err)
		}
	}
}
