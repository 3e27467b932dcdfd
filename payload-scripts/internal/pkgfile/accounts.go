package pkgfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"onerpm/payload-scripts/internal/host"
)

// Accounts is a note of the users and groups that a host had.
type Accounts struct{ File string }

// Note notes them, before anything changes.
func (a Accounts) Note(names []string) error {
	data, err := json.Marshal(names)
	if err != nil {
		return err
	}
	return host.WriteFile(a.File, append(data, '\n'), host.Attr{Mode: 0o600})
}

// New returns those of the names that the host had not when they were noted; none when they
// were not.
func (a Accounts) New(names []string) ([]string, error) {
	data, err := os.ReadFile(a.File)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read which users the host had: %w", err)
	}
	var before []string
	if err := json.Unmarshal(data, &before); err != nil {
		return nil, fmt.Errorf("read %s: %w", a.File, err)
	}
	var found []string
	for _, name := range names {
		if !slices.Contains(before, name) {
			found = append(found, name)
		}
	}
	return found, nil
}
