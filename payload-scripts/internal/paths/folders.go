package paths

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// Folder is a folder above a path.
type Folder struct {
	Mode   uint32            `json:"mode"`
	UID    int               `json:"uid"`
	GID    int               `json:"gid"`
	Xattrs map[string][]byte `json:"xattrs,omitempty"`
}

// addFolders records the folders above a path, so that they can be made again or taken away.
func (r *Recorder) addFolders(path string) error {
	for p := filepath.Dir(path); p != "/" && p != "."; p = filepath.Dir(p) {
		if _, known := r.Dirs[p]; known {
			return nil
		}
		d, err := r.host.folder(p)
		if err != nil {
			return err
		}
		r.Dirs[p] = d
	}
	return nil
}

// folder looks at what a path leads to; nil when it is not there.
func (h Host) folder(path string) (*Folder, error) {
	real, _, err := h.Resolve(path)
	if err != nil {
		return nil, err
	}
	n, err := host.OpenPath(real)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer n.Close()
	xattrs, err := n.Xattrs()
	return &Folder{Mode: n.Stat.Mode & 0o7777, UID: int(n.Stat.Uid), GID: int(n.Stat.Gid), Xattrs: xattrs}, err
}

// MakeFolders makes path and the folders above it that lack, as they were if they were there.
func (h Host) MakeFolders(r *Record, path string) error {
	var lack []string
	for p := path; p != "/"; p = filepath.Dir(p) {
		there, err := h.folder(p)
		if err != nil {
			return err
		}
		if there != nil {
			break
		}
		lack = append(lack, p)
	}
	slices.Reverse(lack)
	for _, p := range lack {
		d := r.Dirs[p]
		if d == nil {
			d = &Folder{Mode: 0o755}
		}
		attr := host.Attr{Mode: host.GoMode(d.Mode), UID: d.UID, GID: d.GID}
		if err := host.Mkdir(h.At(p), attr, d.Xattrs); err != nil {
			return err
		}
	}
	return nil
}

// DropFolders takes away folders that were not there before and hold nothing.
func (h Host) DropFolders(r *Record) error {
	var made []string
	for p, d := range r.Dirs {
		if d == nil {
			made = append(made, p)
		}
	}
	sort.Sort(sort.Reverse(sort.StringSlice(made)))
	for _, p := range made {
		if err := host.RemoveEmpty(h.At(p)); err != nil {
			return err
		}
	}
	return nil
}
