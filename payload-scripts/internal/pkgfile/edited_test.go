package pkgfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// t0 is a time that no test writes at.
var t0 = time.Unix(1400000000, 123456789)

func TestEdited(t *testing.T) {
	t.Parallel()
	root := newRoot(t)
	e := Edited{File: filepath.Join(t.TempDir(), "edited.json"), Root: root}
	wants := func() map[string]Want {
		return byPath(file("/edited", "@HOST@"), file("/gone", "x"), file("/linked", "x"), file("/same", "x"), dir("/folder"), file("/\xff", "x"))
	}
	check := func(when string, different ...string) {
		t.Helper()
		all := wants()
		must(t, e.Overlay(all))
		var got []string
		comparer := &Comparer{Root: root}
		for _, p := range union(all, nil) {
			text, _, err := comparer.Compare(all[p])
			must(t, err)
			if text != "" {
				got = append(got, p)
			}
		}
		if strings.Join(got, " ") != strings.Join(different, " ") {
			t.Errorf("%s: %q differ, want %q", when, got, different)
		}
	}
	write(t, root, "/edited", "manager")
	symlink(t, root, "/linked", "same")
	write(t, root, "/same", "x")
	must(t, os.Mkdir(root+"/folder", 0o755))
	write(t, root, "/\xff", "y")
	check("before it is noted", "/edited", "/gone", "/linked", "/\xff")
	must(t, e.Note([]string{"/edited", "/gone", "/linked", "/\xff", "/no longer wanted"}))
	check("once it is noted")
	must(t, os.Chmod(root+"/edited", 0o600)) // a scriptlet's file has the mode that it has
	check("with another mode")
	write(t, root, "/edited", "")
	must(t, os.Remove(root+"/linked"))
	write(t, root, "/gone", "x")
	check("after a power cut", "/edited", "/gone", "/linked")
	must(t, e.Forget())
	must(t, e.Forget())
	check("once it is forgotten", "/edited", "/linked", "/\xff")
	must(t, os.WriteFile(e.File, []byte("{"), 0o600))
	if err := e.Overlay(wants()); err == nil || !strings.Contains(err.Error(), e.File) {
		t.Errorf("a damaged record: %v", err)
	}
	if err := (Edited{}).Overlay(wants()); err != nil {
		t.Errorf("where nothing may be written: %v", err)
	}
}

func TestNoteOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	root := newRoot(t)
	must(t, os.Mkdir(root+"/d", 0o755))
	write(t, root, "/d/f", "x")
	symlink(t, root, "/l", "d")
	must(t, os.Lchown(root+"/l", user, user))
	e := Edited{File: filepath.Join(t.TempDir(), "edited.json"), Root: root}
	if err := e.Note([]string{"/l/f"}); err == nil || !strings.Contains(err.Error(), "note what scriptlets made of /l/f") {
		t.Errorf("got %v", err)
	}
}
