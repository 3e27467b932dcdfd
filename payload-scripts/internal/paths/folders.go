package paths

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// Folder is a folder above a path.
type Folder struct {
	Mode   uint32            `json:"mode"`
	UID    int               `json:"uid"`
	GID    int               `json:"gid"`
	Xattrs map[string][]byte `json:"xattrs,omitempty"`
	MTime  int64             `json:"mtime,omitempty"` // nanoseconds since 1970
	Names  string            `json:"names,omitempty"` // the SHA-256 of the names in it
}

// addFolders records the folders above a path, so that they can be made again or taken away.
func (r *Recorder) addFolders(path string) error {
	for p := filepath.Dir(path); p != "/" && p != "."; p = filepath.Dir(p) {
		if _, known := r.Dirs[key{host.Name(p)}]; known {
			return nil
		}
		d, err := r.host.folder(p)
		if err == nil && d != nil {
			d.Names, err = r.host.namesIn(p)
		}
		if err != nil {
			return err
		}
		r.Dirs[key{host.Name(p)}] = d
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
	return &Folder{Mode: n.Stat.Mode & 0o7777, UID: int(n.Stat.Uid), GID: int(n.Stat.Gid), Xattrs: xattrs, MTime: n.Stat.Mtim.Nano()}, err
}

// namesIn returns the SHA-256 of the names in the folder that a path leads to; ""
// when it is none.
func (h Host) namesIn(path string) (string, error) {
	real, _, err := h.Resolve(path)
	if err != nil {
		return "", err
	}
	dir, err := host.OpenDir(real)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer dir.Close() //nolint:errcheck // read only
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return "", err
	}
	sort.Strings(names)
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	return hex.EncodeToString(sum[:]), nil
}

// RestoreTimes gives folders the times that they had, if they hold what they held:
// files were replaced in them, and are as they were.
func (h Host) RestoreTimes(r *Record) error {
	for dir, was := range r.Dirs {
		path := string(dir.Name)
		if was == nil || was.Names == "" {
			continue
		}
		is, err := h.folder(path)
		if err != nil {
			return err
		}
		if is == nil || is.MTime == was.MTime {
			continue
		}
		names, err := h.namesIn(path)
		if err != nil {
			return err
		}
		if names != was.Names {
			continue // somebody else made or removed something
		}
		if err := h.setTime(path, was.MTime); err != nil {
			return err
		}
	}
	return nil
}

func (h Host) setTime(path string, nanoseconds int64) error {
	real, _, err := h.Resolve(path)
	if err != nil {
		return err
	}
	n, err := host.OpenPath(real)
	if err != nil {
		return err
	}
	defer n.Close()
	return n.SetTime(unix.NsecToTimespec(nanoseconds))
}

// MakeFolders makes path and the folders above it that are missing, as they were if they were there.
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
		d := r.Dirs[key{host.Name(p)}]
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
			made = append(made, string(p.Name))
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
