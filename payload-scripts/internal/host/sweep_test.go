package host

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSweep leaves everything that WriteFile of that very path cannot have left.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "50-x.conf")
	if err := WriteFile(path, []byte("x"), Attr{Mode: 0o644, UID: os.Getuid(), GID: os.Getgid()}); err != nil {
		t.Fatal(err)
	}
	left, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*~") // as WriteFile does
	if err != nil {
		t.Fatal(err)
	}
	if err := left.Close(); err != nil {
		t.Fatal(err)
	}
	others := []string{".50-x.conf.old~", ".50-x.conf.1", "50-x.conf.1~", ".50-x.conf.~", ".50-y.conf.1~"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder := ".50-x.conf.7~"
	if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Sweep(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left.Name()); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", left.Name(), err)
	}
	for _, name := range append(others, folder, filepath.Base(path)) {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if err := Sweep(filepath.Join(dir, "nowhere", "x")); err != nil {
		t.Errorf("in a folder that is not there: %v", err)
	}
}
