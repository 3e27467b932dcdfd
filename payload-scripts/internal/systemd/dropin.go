package systemd

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"onerpm/internal/unit"
	"onerpm/payload-scripts/internal/host"
)

// DropIn is a file of settings that is added to a unit's own.
type DropIn struct {
	Unit string // an instance stands for all of its template
	Name string // of the file, without ".conf"
	Text string
}

// Folder is the folder of a unit's drop-ins in /etc; for an instance that of its template.
func Folder(name string) string {
	full := unit.Name(name)
	if t := unit.Template(full); t != "" {
		full = t
	}
	return "/etc/systemd/system/" + full + ".d"
}

func (d DropIn) path(root string) string { return filepath.Join(root+Folder(d.Unit), d.Name+".conf") }

// Write writes the drop-in durably and reports whether it was not there, or another. systemd
// knows it after a [Conn.Reload].
func (d DropIn) Write(root string) (changed bool, err error) {
	path := d.path(root)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, []byte(d.Text)) {
		return false, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, err
	}
	if err := host.WriteFile(path, []byte(d.Text), host.Attr{Mode: 0o644}); err != nil {
		return false, err
	}
	return true, host.SyncDir(filepath.Dir(filepath.Dir(path)))
}

// Remove removes the drop-in, what a killed Write left of it, and the folder, when it is empty
// then and not one of keep.
func (d DropIn) Remove(root string, keep []string) error {
	path := d.path(root)
	if err := host.Sweep(path); err != nil {
		return err
	}
	host.Point("unlink", path)
	if _, err := os.Lstat(path); err == nil { // on a read-only /etc the removal of nothing fails too
		if err := os.Remove(path); err != nil {
			return err
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if !slices.Contains(keep, Folder(d.Unit)) {
		_ = os.Remove(filepath.Dir(path)) // it stays when there are other drop-ins
	}
	return nil
}
