package lock

import (
	"bytes"
	"os"
	"path/filepath"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/strictyaml"
)

// edit changes the text of a release's file, durably and as one step: a reader, and
// a person after a power cut, has the old file or the new one. It refuses to
// overwrite what somebody else wrote in the meantime.
func edit(file *release.File, changes []strictyaml.Change) error {
	if len(changes) == 0 {
		return nil
	}
	text, err := file.Doc.Edit(file.Source, changes)
	if err != nil {
		return exit.With(exit.Spec, err, "write each key and its value on one line")
	}
	if now, err := os.ReadFile(file.Path); err != nil || !bytes.Equal(now, file.Source) {
		return exit.Errorf(exit.Output, "run the same command again", "%s was changed meanwhile", file.Path)
	}
	path, err := filepath.EvalSymlinks(file.Path) // a link stays a link
	if err != nil {
		return exit.With(exit.Output, err, "")
	}
	return exit.With(exit.Output, replace(path, text), "free disk space, or make "+filepath.Dir(file.Path)+" writable")
}

func replace(path string, text []byte) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".lock-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(text); err != nil {
		return err
	}
	if err = f.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // read only
	return dir.Sync()
}
