package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A directory store has one folder of its own, which no name can reach: in it are the
// lock and the files that are being written. Whoever writes such a file holds a lock on it,
// so one without a lock was left by somebody who was killed.
const (
	privateFolder = ".bundler-store"
	lockFile      = "lock"
	partPrefix    = "part-"
)

func (d *directory) private() string { return filepath.Join(d.root, privateFolder) }

// locked runs fn while nobody else, in this or another process, changes the store.
func (d *directory) locked(ctx context.Context, fn func() error) error {
	if err := d.makeFolder(d.private()); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(d.private(), lockFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // and with it the lock ends
	if err := waitForLock(ctx, f); err != nil {
		return err
	}
	return fn()
}

// waitForLock asks again and again: a wait inside the kernel would not end with ctx.
func waitForLock(ctx context.Context, f *os.File) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// temporary is a file that has no name in the store yet.
type temporary struct {
	file   *os.File
	placed bool
}

// temporary makes one. It is under the store's lock, so that nobody takes it for abandoned before it has its own.
func (d *directory) temporary(ctx context.Context) (*temporary, error) {
	var t *temporary
	err := d.locked(ctx, func() error {
		f, err := os.CreateTemp(d.private(), partPrefix)
		if err != nil {
			return err
		}
		t = &temporary{file: f}
		if err := f.Chmod(0o644); err != nil { // whatever the umask: others read it
			return err
		}
		return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	})
	if err != nil && t != nil {
		t.discard()
	}
	return t, err
}

// discard removes the file if it got no name. About an error nothing can be done: the next use tries again.
func (t *temporary) discard() {
	if !t.placed {
		_ = os.Remove(t.file.Name())
	}
	_ = t.file.Close()
}

// clean removes files of writers that were killed. With a ctx that is over already, it does so only when nobody has the store's lock.
func (d *directory) clean(ctx context.Context) (int, error) {
	left, err := filepath.Glob(filepath.Join(escapePattern(d.private()), partPrefix+"*"))
	if err != nil || len(left) == 0 {
		return 0, err
	}
	removed := 0
	err = d.locked(ctx, func() error {
		for _, p := range left {
			ok, err := removeAbandoned(p)
			if err != nil {
				return err
			}
			if ok {
				removed++
			}
		}
		return nil
	})
	return removed, err
}

// escapePattern takes their meaning from the characters that a pattern treats specially.
func escapePattern(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// removeAbandoned removes a file unless its writer lives, and reports whether it did.
func removeAbandoned(path string) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // only the lock matters
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return false, nil //nolint:nilerr // somebody is at it
	}
	return true, os.Remove(path)
}

// Tidy removes what killed writers left, however new: a directory needs no time to know that they are dead.
func (d *directory) Tidy(ctx context.Context, _ time.Time) (int, error) {
	n, err := d.clean(ctx)
	return n, d.fail(ctx, "tidy", privateFolder, err)
}

// place gives a synced file its name in the store, durably. The store's lock must be held.
func (d *directory) place(file, name string) error {
	target := d.path(name)
	if err := d.makeFolder(filepath.Dir(target)); err != nil {
		return err
	}
	if err := os.Rename(file, target); err != nil {
		return err
	}
	// A rename between two links of one file does nothing, and leaves both.
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncFolder(filepath.Dir(target))
}

// makeFolder makes a folder and those above it, durably.
func (d *directory) makeFolder(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := d.makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(parent)
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
