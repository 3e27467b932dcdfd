package files

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"onerpm/payload-scripts/internal/config"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/paths"
	"onerpm/payload-scripts/internal/state"
)

// index is index.json.
type index struct {
	Config       []*record    `json:"config"`
	State        []state.Path `json:"state,omitempty"` // after the first SaveState
	paths.Record              // how all of them are reached
	Sealed       bool         `json:"sealed"` // from here on the host may be changed
}

// record is one configuration file.
type record struct {
	Target  host.Name       `json:"target"`            // as the manifest names it
	Real    host.Name       `json:"real"`              // where links of root lead, on this host
	Old     *file           `json:"old"`               // null: not there
	New     *file           `json:"new"`               // null: not there
	Owner   string          `json:"owner,omitempty"`   // of a file that is new on this host; the user may come with a package
	Group   string          `json:"group,omitempty"`   // likewise
	Changes []config.Change `json:"changes,omitempty"` // what the merge did
	Litter  []host.Name     `json:"litter,omitempty"`  // what rpm had left beside it before

	// Drawn are the values that were drawn at random for it, by key, whatever the host's file was then: something
	// may be made with them before the window.
	Drawn map[string]string `json:"drawn,omitempty"`

	Extra   bool   `json:"extra,omitempty"`   // recorded and restored only
	Stays   bool   `json:"stays,omitempty"`   // the same on both sides, whatever rpm does to it
	Package string `json:"package,omitempty"` // of a %config file: its mark and package, for people
}

// file is one side of a configuration file; its content lies in the backup folder.
type file struct {
	SHA256 string            `json:"sha256"`
	Size   int64             `json:"size"`
	Mode   uint32            `json:"mode"` // permission bits with setuid, setgid, sticky
	UID    int               `json:"uid"`
	GID    int               `json:"gid"`
	MTime  int64             `json:"mtime,omitempty"` // nanoseconds since 1970; old side only
	Xattrs map[string][]byte `json:"xattrs,omitempty"`
}

func (r *record) unchanged() bool {
	if r.Old == nil || r.New == nil {
		return r.Old == r.New
	}
	return r.Old.SHA256 == r.New.SHA256
}

func (f *file) attr() host.Attr {
	return host.Attr{Mode: host.GoMode(f.Mode), UID: f.UID, GID: f.GID}
}

// loadIndex reads the index; an attempt without one is an error.
func (s *Set) loadIndex() (*index, error) {
	data, err := os.ReadFile(s.saved("index.json"))
	if err != nil {
		return nil, fmt.Errorf("read what was saved of the old files: %w", err)
	}
	var x index
	if err := json.Unmarshal(data, &x); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.saved("index.json"), err)
	}
	return &x, nil
}

// knownIndex is loadIndex for an attempt that may have none yet.
func (s *Set) knownIndex() (*index, error) {
	x, err := s.loadIndex()
	if errors.Is(err, os.ErrNotExist) {
		return &index{}, nil
	}
	return x, err
}

// store writes the index; what it speaks of is on disk before.
func (s *Set) store(x *index) error {
	if err := host.SyncFS(s.backup); err != nil {
		return err
	}
	data, err := json.MarshalIndent(x, "", " ")
	if err != nil {
		return err
	}
	return host.WriteFile(s.saved("index.json"), append(data, '\n'), host.Attr{Mode: 0o600})
}
