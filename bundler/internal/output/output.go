// Package output puts the files that a command makes into a folder: all of them
// or none, each complete and on the disk before it has its name. What a killed
// command left behind is removed by the next one.
package output

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/bundler/internal/exit"
)

const (
	prefix = "."
	suffix = ".bundler-part" // nobody else makes such files
)

// Set is a number of files in one folder, which appear together.
type Set struct {
	dir   string
	files []part
}

// part is a file that has not its name yet.
type part struct {
	file *os.File
	name string
}

// Open makes the folder when it is not there, and removes what killed commands left in it.
// Every error of this package has the exit code for an output that cannot be written.
func Open(dir string) (*Set, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, failed(err)
	}
	left, err := filepath.Glob(filepath.Join(escape(dir), prefix+"*"+suffix))
	if err != nil {
		return nil, failed(err)
	}
	for _, p := range left {
		if err := removeAbandoned(p); err != nil {
			return nil, failed(err)
		}
	}
	return &Set{dir: dir}, nil
}

// escape takes their meaning from the characters that a pattern treats specially.
func escape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// removeAbandoned removes a temporary file unless the command that writes it is alive, and so holds its lock.
func removeAbandoned(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only the lock matters
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil //nolint:nilerr // somebody is at it
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Create opens a new file that gets its name at Commit. Its mode is 0644 whatever the umask.
func (s *Set) Create(name string) (*os.File, error) {
	target := filepath.Join(s.dir, name)
	if info, err := os.Lstat(target); err == nil && info.IsDir() {
		return nil, failed(fmt.Errorf("%s is a folder", target))
	}
	for {
		f, err := os.CreateTemp(s.dir, prefix+name+".*"+suffix)
		if err != nil {
			return nil, failed(err)
		}
		mine, err := lock(f)
		if err == nil && mine {
			err = f.Chmod(0o644)
		}
		if err != nil {
			return nil, failed(errors.Join(err, f.Close(), os.Remove(f.Name())))
		}
		if !mine { // another command took it for abandoned before the lock was there
			if err := f.Close(); err != nil {
				return nil, failed(err)
			}
			continue
		}
		s.files = append(s.files, part{file: f, name: name})
		return f, nil
	}
}

// lock takes the file's lock and reports whether the file is still there.
func lock(f *os.File) (bool, error) {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	} else if err != nil && !errors.Is(err, unix.ENOLCK) && !errors.Is(err, unix.EOPNOTSUPP) {
		return false, err
	}
	_, err := os.Lstat(f.Name())
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return true, err
}

// Add writes a whole small file.
func (s *Set) Add(name string, content []byte) error {
	f, err := s.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return failed(err)
}

// Commit gives the files their names, once all of them are on the disk. The first
// that was created is the last to appear: where it is, the others are too.
func (s *Set) Commit() error {
	defer s.Discard()
	for _, p := range s.files {
		if err := p.file.Sync(); err != nil {
			return failed(err)
		}
	}
	for len(s.files) > 0 {
		i := len(s.files) - 1
		p := s.files[i]
		if err := os.Rename(p.file.Name(), filepath.Join(s.dir, p.name)); err != nil {
			return failed(err)
		}
		s.files = s.files[:i]
		if err := p.file.Close(); err != nil {
			return failed(err)
		}
	}
	return failed(syncDir(s.dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Discard removes what has not its name yet. It does nothing after Commit.
func (s *Set) Discard() {
	for _, p := range s.files {
		// There is nothing to be done about an error: the next Open tries again.
		_ = os.Remove(p.file.Name())
		_ = p.file.Close()
	}
	s.files = nil
}

func failed(err error) error {
	return exit.With(exit.Output, err, "free disk space, or choose another folder with --output")
}
