package hook

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"onerpm/internal/hostconf"
	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
)

// input is what a hook is given on its input: an object with the files that it reads, by path, as the old release has them; nil when it
// reads none. Its input is the one place where a hook can be given a secret: no other process sees it.
func (r Room) input(h manifest.Hook) (io.Reader, error) {
	if h.Reads == nil {
		return nil, nil
	}
	all := map[string]json.RawMessage{}
	for _, f := range h.Reads {
		merged := slices.ContainsFunc(r.Manifest.Config, func(c manifest.Config) bool { return c.Target == f.File })
		at := filepath.Join(r.Saved, f.File) // in the window the new release's is in its place
		if _, err := os.Lstat(at); errors.Is(err, os.ErrNotExist) && !merged {
			at = f.File
		}
		text, err := Read(f, at)
		if err != nil {
			return nil, err
		}
		all[f.File] = text
	}
	text, err := json.Marshal(all)
	return bytes.NewReader(text), err
}

// Read reads a configuration file that lies at a path, as JSON: null when it is not there. An error names the file, never a value.
func Read(f manifest.HostFile, at string) ([]byte, error) {
	data, err := host.ReadFile(at, hostconf.MaxSize)
	if errors.Is(err, os.ErrNotExist) {
		return []byte("null"), nil
	}
	if err != nil {
		return nil, err
	}
	d, err := hostconf.Parse(f.Format, data)
	if err == nil {
		data, err = d.JSON()
	}
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: f.File, Err: err}
	}
	return data, nil
}
