package pkgfile

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"onerpm/payload-scripts/internal/host"
)

// Own is a file that is not as the old release's packages say, because an admin
// or a scriptlet changed it, or that lies where the new release's have one: it
// is the host's own, and the way back restores it.
type Own struct {
	Path    host.Name         `json:"path"`
	Missing bool              `json:"missing"` // the package has it, the host does not
	Mode    fs.FileMode       `json:"mode"`
	UID     int               `json:"uid"`
	GID     int               `json:"gid"`
	Size    int64             `json:"size"`
	SHA256  string            `json:"sha256"`
	Link    host.Name         `json:"link"`
	Xattrs  map[string][]byte `json:"xattrs,omitempty"` // with labels
	MTime   int64             `json:"mtime"`            // nanoseconds since 1970
	Names   uint64            `json:"names,omitempty"`  // of a regular file: how many hard links it had
	Saved   string            `json:"saved"`            // name of the copy in the folder of copies; "" when only attributes differ
	Same    host.Name         `json:"same,omitempty"`   // path of the file that this is a hard link of; that stands before it
}

// isAbsentDir reports whether o is a folder that the host did not have: rpm makes
// the folders above a package's files even when no package owns them, and
// leaves them when the files go.
func (o Own) isAbsentDir() bool { return o.Missing && o.Mode.IsDir() }

// want is how the file must be when it is restored.
func (o Own) want() Want {
	return Want{
		Path: string(o.Path), Mode: o.Mode, UID: o.UID, GID: o.GID, Size: o.Size, Digest: o.SHA256, Algo: crypto.SHA256,
		Link: string(o.Link), Xattrs: withoutLabels(o.Xattrs), FromHost: true, Absent: o.Missing,
	}
}

// Saved is what was noted and saved of a host's own files before anything changed.
type Saved struct {
	Var  string // the attempt's folder; "" when nothing was saved
	Root string // the host's files are below it
}

func (s Saved) file() string   { return filepath.Join(s.Var, "packages.json") }
func (s Saved) copies() string { return filepath.Join(s.Var, "backup", "packages") }

func (s Saved) path(path host.Name) string { return clean(s.Root, string(path)) }

func (s Saved) write(all []Own) error {
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return host.WriteFile(s.file(), append(data, '\n'), host.Attr{Mode: 0o600})
}

// load reads what was noted; nothing when there is no record.
func (s Saved) load() ([]Own, error) {
	if s.Var == "" {
		return nil, nil
	}
	data, err := os.ReadFile(s.file())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what the host had of its own: %w", err)
	}
	var all []Own
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.file(), err)
	}
	return all, nil
}

// Overlay puts what was noted over what the old packages say.
func (s Saved) Overlay(all map[string]Want) error {
	record, err := s.load()
	if err != nil {
		return err
	}
	for _, o := range record {
		if o.isAbsentDir() {
			continue
		}
		w := o.want()
		w.Package = all[w.Path].Package
		all[w.Path] = w
	}
	return nil
}
