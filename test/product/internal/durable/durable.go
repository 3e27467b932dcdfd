// Package durable writes the demo product's files. A file that was written outlives a power cut: it was
// synced, and so was every folder that got a new name by it. What the product
// acknowledges to a client is written by it, or committed by the database.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile puts a file in place whole, with the folders above it. A power cut leaves the
// old file or the new one; after it has returned, the new one.
func WriteFile(path string, body []byte, mode fs.FileMode) error {
	folder := filepath.Dir(path)
	if err := makeFolder(folder); err != nil {
		return err
	}
	if err := replace(path, body, mode); err != nil {
		return err
	}
	return syncFolder(folder)
}

// replace gives a synced file its name. An error leaves what was there.
func replace(path string, body []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err = f.Write(body); err == nil {
		err = errors.Join(f.Chmod(mode), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// makeFolder makes the folders of path that are missing, uppermost first, and syncs the folder
// that each of them is new in.
func makeFolder(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	above := filepath.Dir(path)
	if above == path {
		return &fs.PathError{Op: "mkdir", Path: path, Err: fs.ErrNotExist}
	}
	if err := makeFolder(above); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(above)
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
