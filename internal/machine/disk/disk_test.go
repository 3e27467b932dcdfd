package disk

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sizeMiB is a disk of a test: the smallest with a journal of a usual size.
const sizeMiB = 64

// start makes a disk for a test and removes it at the test's end. It returns once
// the disk is empty and synced.
func start(t *testing.T) *Disk {
	t.Helper()
	dir := t.TempDir()
	at := filepath.Join(dir, "disk")
	t.Cleanup(func() {
		if err := Unmount(at); err != nil {
			t.Error(err)
		}
	})
	d, err := New(t.Context(), filepath.Join(dir, "image"), at, sizeMiB)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What was synced outlives a cut, what was only written does not: without the second half
// no test on a disk could find a sync that is missing.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	d := start(t)
	write := func(name string) *os.File {
		f, err := os.Create(filepath.Join(d.At(), name))
		if err == nil {
			_, err = f.WriteString("body of " + name)
		}
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	synced := write("synced")
	if err := errors.Join(synced.Sync(), synced.Close()); err != nil {
		t.Fatal(err)
	}
	if err := write("written").Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(synced.Name(), synced.Name()+"-renamed"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second cut takes nothing more
		if err := d.PowerCut(t.Context()); err != nil {
			t.Fatal(err)
		}
		if body, err := os.ReadFile(synced.Name()); err != nil || string(body) != "body of synced" {
			t.Errorf("the synced file, under the name it was synced with: %q, %v", body, err)
		}
		for _, name := range []string{"written", "synced-renamed"} {
			if _, err := os.Stat(filepath.Join(d.At(), name)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s was not synced and is there after the cut: %v", name, err)
			}
		}
	}
}

// A disk without power takes nothing any more until it is restored.
func TestCut(t *testing.T) {
	t.Parallel()
	d := start(t)
	if err := d.Cut(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.At(), "late"), nil, 0o600); !errors.Is(err, unix.EIO) {
		t.Errorf("a write without power: %v, want %v", err, unix.EIO)
	}
	if err := d.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.At(), "late"), nil, 0o600); err != nil {
		t.Errorf("a write with power again: %v", err)
	}
}

// A disk that somebody holds when it is restored, as a booting container does, is gone on
// with as a copy.
func TestRestoreOfAHeldDisk(t *testing.T) {
	t.Parallel()
	d := start(t)
	d.release = 50 * time.Millisecond
	f, err := os.Create(filepath.Join(d.At(), "kept"))
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	// a mount namespace of its own keeps a copy of the mount
	holder := exec.CommandContext(t.Context(), "unshare", "--mount", "--propagation", "private", "sh", "-c", "echo; exec sleep 600")
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Wait() }()
	defer func() { _ = holder.Process.Kill() }()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := d.PowerCut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(d.At(), "kept")); err != nil {
		t.Errorf("what was synced before: %v", err)
	}
}

// A folder that cannot be a disk is told, and nothing is mounted.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, c := range map[string]struct {
		image, at string
		sizeMiB   int
	}{
		"no folder for the image":     {filepath.Join(dir, "none", "image"), filepath.Join(dir, "a"), 64},
		"too small for ext4":          {filepath.Join(dir, "image"), filepath.Join(dir, "b"), 0},
		"a mount point that is there": {filepath.Join(dir, "image"), dir, 64},
	} {
		if _, err := New(t.Context(), c.image, c.at, c.sizeMiB); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := Unmount(filepath.Join(dir, "nothing")); err != nil {
		t.Errorf("unmount what is not mounted: %v", err)
	}
}
