package stores

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/source"
	"onerpm/payload-scripts/internal/storehost"
)

// Note is what became of a store. It holds nothing of the documents.
type Note struct {
	Documents int64            `json:"documents"`       // how many documents the source had
	Rows      map[string]int64 `json:"rows,omitempty"`  // how many rows they became, by table
	Left      []string         `json:"left,omitempty"`  // documents without a place, and characters that were replaced, by reason
	Proof     *source.Proof    `json:"proof,omitempty"` // what proves that the source is as it was; of no use to programs, and free to change
	Returned  bool             `json:"returned"`        // whether the way back proved that it has the same
}

// Record reads where the sources are and which of the host's values documents get, before
// anything is changed. With keep, what was recorded before holds.
func (s *Set) Record(keep bool) error {
	if len(s.Manifest.Stores) == 0 {
		return nil
	}
	known, err := s.recorded()
	if err != nil || keep && len(known) > 0 {
		return err
	}
	found := map[string]storehost.Source{}
	for _, spec := range s.Manifest.Stores {
		at, err := storehost.Read(spec)
		if err != nil {
			return fmt.Errorf("store %s: %w", spec.Name, err)
		}
		found[spec.Name] = at
	}
	if err := write(s.Secrets, found); err != nil {
		return fmt.Errorf("record the sources of the stores: %w", err)
	}
	return nil
}

func (s *Set) recorded() (known map[string]storehost.Source, err error) {
	err = read(s.Secrets, &known)
	return known, err
}

func (s *Set) notes() (known map[string]Note, err error) {
	err = read(s.Notes, &known)
	return known, err
}

// note changes what is noted of a store.
func (s *Set) note(name string, change func(*Note)) error {
	all, err := s.notes()
	if err != nil {
		return err
	}
	if all == nil {
		all = map[string]Note{}
	}
	n := all[name]
	change(&n)
	all[name] = n
	if err := write(s.Notes, all); err != nil {
		return fmt.Errorf("note what became of store %s: %w", name, err)
	}
	return nil
}

// Notes reads what became of the stores of an attempt, by name; nothing when it never came to them.
func Notes(file string) (map[string]Note, error) { return (&Set{Notes: file}).notes() }

// write makes a file that only root can read, durable with the folders above it.
func write(file string, v any) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := host.WriteFile(file, append(data, '\n'), host.Attr{Mode: 0o600}); err != nil {
		return err
	}
	return host.SyncDir(filepath.Dir(dir))
}

// read reads what write wrote; a file that is not there says nothing.
func read(file string, v any) error {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}
