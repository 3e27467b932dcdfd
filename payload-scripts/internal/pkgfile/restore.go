package pkgfile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"onerpm/payload-scripts/internal/host"
)

// Restore makes the recorded files what they were.
func (s Saved) Restore() error {
	record, err := s.load()
	if err != nil {
		return err
	}
	for _, o := range record {
		if o.isAbsentDir() {
			continue
		}
		if err := s.restoreOne(o); err != nil {
			return fmt.Errorf("restore %s: %w", o.Path, err)
		}
	}
	return nil
}

func (s Saved) restoreOne(o Own) error {
	at := s.path(o.Path)
	if o.Missing {
		if info, err := os.Lstat(at); err == nil && info.IsDir() {
			return nil // the proof tells
		}
		return host.Remove(at)
	}
	if o.Mode&fs.ModeSymlink != 0 {
		if target, err := os.Readlink(at); err == nil && target == o.Link {
			return nil
		}
		if err := host.Remove(at); err != nil {
			return err
		}
		return os.Symlink(o.Link, at)
	}
	if o.Mode.IsDir() {
		if err := os.MkdirAll(at, o.Mode.Perm()); err != nil {
			return err
		}
	}
	if o.Saved != "" {
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		return host.CopyFile(filepath.Join(s.copies(), o.Saved), at)
	}
	if err := os.Lchown(at, o.UID, o.GID); err != nil {
		return err
	}
	return os.Chmod(at, o.Mode)
}
