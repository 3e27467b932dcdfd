package scaffold

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/bundler/internal/exit"
)

// stageName is the folder in the project in which files wait until all are on the disk.
const stageName = ".bundler-new"

// record says what a run is about to put in place: so that the next one can take
// away the part that a killed one has put there, and nothing that a person wrote.
type record struct {
	Targets []target `json:"targets"`
}

// target is a file or a folder that did not exist before, relative to the root.
type target struct {
	Path string `json:"path"`
	Tree string `json:"tree"` // digest of all that is in it
}

// Place writes the files into the project: all of them, or none. It overwrites
// nothing. What a killed run put in place is taken away first, unless that run had
// come to its end or somebody changed it since. after, which may be nil, is called with
// each target when it has its name. Error: exit.Output.
func Place(root string, files []File, after func(string)) error {
	return exit.With(exit.Output, place(root, files, folderOf, after), "free disk space, or make the project's folder writable")
}

// PlaceInto is Place for files that go into folders which may be there and have others in them: each gets its own name.
func PlaceInto(root string, files []File) error {
	return exit.With(exit.Output, place(root, files, path.Clean, nil), "free disk space, or make the project's folder writable")
}

// folderOf is the part of a release or a jump that a file belongs to: versions/<file>, versions/<release> or specs/<jump>.
func folderOf(file string) string {
	return path.Join(strings.SplitN(path.Clean(file), "/", 3)[:2]...)
}

func place(root string, files []File, part func(string) string, after func(string)) error {
	stage := filepath.Join(root, stageName)
	unlock, err := enter(root, stage)
	if err != nil {
		return err
	}
	defer unlock()
	defer os.RemoveAll(stage) //nolint:errcheck // the next run tries again
	targets, err := fill(stage, files, part)
	if err != nil {
		return err
	}
	if err := keep(stage, record{targets}); err != nil {
		return err
	}
	for i, t := range targets {
		if err := move(filepath.Join(stage, "files", t.Path), filepath.Join(root, t.Path)); err != nil {
			return errors.Join(fmt.Errorf("put %s in place: %w", t.Path, err), takeAway(root, targets[:i]))
		}
		if after != nil {
			after(t.Path)
		}
	}
	return nil
}

// enter makes the stage, and first cleans up after a killed run. Another run that is
// alive is an error.
func enter(root, stage string) (unlock func(), err error) {
	lock, err := os.Open(root)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(errors.New("another bundler new or init is at work here"), lock.Close())
	}
	unlock = func() { // a child that another goroutine is just starting may hold the file, too
		_ = unix.Flock(int(lock.Fd()), unix.LOCK_UN)
		_ = lock.Close()
	}
	if err := recoverStage(root, stage); err != nil {
		unlock()
		return nil, fmt.Errorf("clean up after a run that was killed: %w", err)
	}
	if err := os.Mkdir(stage, 0o755); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// Recover takes away what a killed run left in the project, if there is anything.
func Recover(root string) error {
	stage := filepath.Join(root, stageName)
	if _, err := os.Lstat(stage); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := enter(root, stage)
	if err != nil {
		return exit.With(exit.Output, err, "")
	}
	defer unlock()
	return exit.With(exit.Output, os.RemoveAll(stage), "")
}

func recoverStage(root, stage string) error {
	data, err := os.ReadFile(filepath.Join(stage, "record.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return os.RemoveAll(stage) // it had put nothing in place
	}
	if err != nil {
		return err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(stage, "record.json"), err)
	}
	there := 0
	for _, t := range r.Targets {
		if !filepath.IsLocal(t.Path) {
			return fmt.Errorf("the record names %q", t.Path)
		}
		if _, err := os.Lstat(filepath.Join(root, t.Path)); err == nil {
			there++
		}
	}
	if there < len(r.Targets) {
		if err := takeAway(root, r.Targets); err != nil {
			return err
		}
	}
	return os.RemoveAll(stage)
}

// takeAway removes targets that are as they were put there.
func takeAway(root string, targets []target) error {
	for _, t := range slices.Backward(targets) {
		full := filepath.Join(root, t.Path)
		tree, err := treeOf(full)
		if errors.Is(err, fs.ErrNotExist) || err == nil && tree != t.Tree {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.RemoveAll(full); err != nil {
			return err
		}
		for dir := path.Dir(t.Path); dir != "." && os.Remove(filepath.Join(root, dir)) == nil; { // as long as they are empty
			dir = path.Dir(dir)
		}
	}
	return nil
}

// fill writes the files below the stage, durably, and returns what is to be moved:
// the release before its folder before the spec, so that every prefix is a sound project.
func fill(stage string, files []File, part func(string) string) ([]target, error) {
	seen := map[string]bool{}
	var targets []target
	for _, f := range files {
		if err := write(filepath.Join(stage, "files", f.Path), f.Data); err != nil {
			return nil, err
		}
		if top := part(f.Path); !seen[top] {
			seen[top] = true
			targets = append(targets, target{Path: top})
		}
	}
	for i := range targets {
		tree, err := treeOf(filepath.Join(stage, "files", targets[i].Path))
		if err != nil {
			return nil, err
		}
		targets[i].Tree = tree
	}
	d, err := os.Open(stage)
	if err != nil {
		return nil, err
	}
	return targets, errors.Join(unix.Syncfs(int(d.Fd())), d.Close())
}

func write(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}

// keep writes the record, all of it or nothing.
func keep(stage string, r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	name := filepath.Join(stage, "record.json")
	f, err := os.Create(name + ".part")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(name+".part", name); err != nil {
		return err
	}
	return syncDir(stage)
}

// move gives a file or folder its name; what has that name already is an error.
func move(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // a file system that has no such rename
		if _, there := os.Lstat(to); !errors.Is(there, fs.ErrNotExist) {
			return fs.ErrExist
		}
		err = os.Rename(from, to)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// treeOf is a digest of a file, or of a folder with all in it.
func treeOf(name string) (string, error) {
	if _, err := os.Lstat(name); err != nil {
		return "", err
	}
	sum := sha256.New()
	err := filepath.WalkDir(name, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(name, p) // p is below name
		data := []byte(d.Type().String())
		if d.Type().IsRegular() {
			if data, err = os.ReadFile(p); err != nil {
				return err
			}
		}
		fmt.Fprintf(sum, "%q %x\n", rel, sha256.Sum256(data))
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}
