package pkgfile

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// isAbsentDir tells whether o is a folder that the host did not have: rpm makes
// the folders above a package's files even when no package owns them, and
// leaves them when the files go.
func (o Own) isAbsentDir() bool { return o.Missing && o.Mode.IsDir() }

// absentDirs returns the folders above the files of theirs that are not there
// now, the deepest first.
func (s Saved) absentDirs(theirs []string) ([]Own, error) {
	seen := map[string]bool{}
	var absent []string
	for _, p := range theirs {
		for dir := path.Dir(p); dir != "/" && !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			_, err := os.Lstat(s.path(dir))
			if errors.Is(err, os.ErrNotExist) {
				absent = append(absent, dir)
			} else if err != nil && !isNotDir(err) {
				return nil, err
			}
		}
	}
	sort.Sort(sort.Reverse(sort.StringSlice(absent)))
	dirs := make([]Own, len(absent))
	for i, dir := range absent {
		dirs[i] = Own{Path: dir, Missing: true, Mode: fs.ModeDir}
	}
	return dirs, nil
}

// RemoveAbsentDirs removes those folders. One that is not empty has something
// that is not a package's, and stays.
func (s Saved) RemoveAbsentDirs() error {
	record, err := s.load()
	if err != nil {
		return err
	}
	for _, o := range record {
		if !o.isAbsentDir() {
			continue
		}
		at := s.path(o.Path)
		err := unix.Rmdir(at)
		switch {
		case err == nil:
			if err := host.SyncDir(filepath.Dir(at)); err != nil {
				return err
			}
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTEMPTY), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.EEXIST):
		default:
			return &os.PathError{Op: "rmdir", Path: at, Err: err}
		}
	}
	return nil
}
