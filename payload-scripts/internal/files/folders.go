package files

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
)

// dir is a folder above something that is saved.
type dir struct {
	Mode   uint32            `json:"mode"`
	UID    int               `json:"uid"`
	GID    int               `json:"gid"`
	Xattrs map[string][]byte `json:"xattrs,omitempty"`
}

// recordDirs notes the folders above a path, so that they can be made again or taken away.
func (s *Set) recordDirs(x *index, path string) error {
	for p := filepath.Dir(path); p != "/" && p != "."; p = filepath.Dir(p) {
		if _, known := x.Dirs[p]; known {
			return nil
		}
		d, err := s.folder(p)
		if err != nil {
			return err
		}
		x.Dirs[p] = d
	}
	return nil
}

// folder looks at what a path leads to; nil when it is not there.
func (s *Set) folder(path string) (*dir, error) {
	real, _, err := s.resolve(path)
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
	return &dir{Mode: n.Stat.Mode & 0o7777, UID: int(n.Stat.Uid), GID: int(n.Stat.Gid), Xattrs: xattrs}, err
}

// makeDirs makes the folders above a file that lack, as they were if they were there.
func (s *Set) makeDirs(x *index, path string) error {
	var lack []string
	for p := path; p != "/"; p = filepath.Dir(p) {
		there, err := s.folder(p)
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
		d := x.Dirs[p]
		if d == nil {
			d = &dir{Mode: 0o755}
		}
		attr := host.Attr{Mode: host.GoMode(d.Mode), UID: d.UID, GID: d.GID}
		if err := host.Mkdir(s.onHost(p), attr, d.Xattrs); err != nil {
			return err
		}
	}
	return nil
}

// dropDirs takes away folders that were not there before and hold nothing.
func (s *Set) dropDirs(x *index) error {
	var made []string
	for p, d := range x.Dirs {
		if d == nil {
			made = append(made, p)
		}
	}
	sort.Sort(sort.Reverse(sort.StringSlice(made)))
	for _, p := range made {
		if err := host.RemoveEmpty(s.onHost(p)); err != nil {
			return err
		}
	}
	return nil
}
