package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"onerpm/bundler/internal/exit"
)

// cache is a folder of files named by their digest: sha256/ab/abcdef... Beside
// one, <name>.part is what has arrived of it; who holds the lock on that writes it.
// Several processes may use one cache at a time.
type cache struct{ dir string }

func (c cache) path(sha string) string { return filepath.Join(c.dir, "sha256", sha[:2], sha) }

// part is a file on its way into the cache.
type part struct {
	cache cache
	file  *os.File
	have  int64 // bytes that were there when it was opened
}

// open locks the part of an item, and waits for whoever has it. It returns nil when
// the item has come into the cache meanwhile.
func (c cache) open(ctx context.Context, it Item, p place) (*part, error) {
	var final, path string
	if it.SHA256 != "" {
		final = c.path(it.SHA256)
		path = final + ".part"
	} else {
		name := sha256.Sum256([]byte(p.String()))
		path = filepath.Join(c.dir, "unknown", hex.EncodeToString(name[:])+".part")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, unwritable(err)
	}
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, unwritable(err)
		}
		if err := lock(ctx, file); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		if final != "" {
			if _, err := os.Stat(final); err == nil {
				_ = os.Remove(path) // ours: we hold the lock
				return nil, file.Close()
			}
		}
		// Whoever had the lock may have renamed or removed the file.
		mine, err := file.Stat()
		named, nameErr := os.Stat(path)
		if err == nil && nameErr == nil && os.SameFile(mine, named) {
			return &part{cache: c, file: file, have: mine.Size()}, nil
		}
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, unwritable(err)
		}
		if nameErr != nil && !errors.Is(nameErr, fs.ErrNotExist) {
			return nil, unwritable(nameErr)
		}
	}
}

// lock waits until no other process or goroutine has file. The lock ends with the file.
func lock(ctx context.Context, file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return unwritable(fmt.Errorf("lock %s: %w", file.Name(), err))
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// empty throws away what has arrived.
func (p *part) empty() error {
	p.have = 0
	if err := p.file.Truncate(0); err != nil {
		return unwritable(err)
	}
	return nil
}

// discard removes the part.
func (p *part) discard() error {
	return errors.Join(os.Remove(p.file.Name()), p.file.Close())
}

// commit gives the part its final name, once its bytes are on the disk, and returns it.
func (p *part) commit(sha string) (string, error) {
	final := p.cache.path(sha)
	err := os.MkdirAll(filepath.Dir(final), 0o755)
	if err == nil {
		err = p.file.Sync()
	}
	if err == nil {
		err = os.Rename(p.file.Name(), final)
	}
	if err == nil {
		err = syncDir(filepath.Dir(final))
	}
	if err == nil {
		err = syncDir(filepath.Dir(filepath.Dir(final)))
	}
	if err := errors.Join(err, p.file.Close()); err != nil {
		return "", unwritable(err)
	}
	return final, nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func unwritable(err error) error {
	return exit.With(exit.Output, fmt.Errorf("write the cache: %w", err), "free disk space there, or name another folder with --cache")
}
