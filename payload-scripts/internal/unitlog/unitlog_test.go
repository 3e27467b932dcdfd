package unitlog

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	write := func(flag int, text string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flag, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	heard := func(l Log, want bool, when string) {
		t.Helper()
		if got, err := l.Heard(t.Context(), "ready."); err != nil || got != want {
			t.Errorf("%s: %v, %v", when, got, err)
		}
	}
	open := func() Log {
		t.Helper()
		l, err := File(path)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	before := open()
	heard(before, false, "no file yet")
	write(os.O_APPEND, "worker is ready.\n")
	heard(before, true, "a file that came")

	l := open()
	heard(l, false, "said before")
	write(os.O_APPEND, "worker is rea")
	heard(l, false, "half a line")
	write(os.O_APPEND, "dy.\n")
	heard(l, true, "the rest of it")
	heard(l, false, "said once")

	l = open()
	write(os.O_TRUNC, "ready.\n")
	heard(l, true, "a file that was cut")
	l = open()
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	heard(l, false, "moved away")
	write(os.O_APPEND, "this one is begun anew and longer: ready.\n")
	heard(l, true, "begun anew")

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := open().Heard(t.Context(), "x"); err == nil {
		t.Error("a folder is taken for a log")
	}
}
