package packages

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"onerpm/payload-scripts/internal/host"
)

func (s *Set) accountsFile() string { return filepath.Join(s.Var, "accounts.json") }

// noteAccounts notes the host's users and groups, before anything changes.
func (s *Set) noteAccounts() error {
	who, err := s.RPM.Owners()
	if err != nil {
		return err
	}
	data, err := json.Marshal(who.Names())
	if err != nil {
		return err
	}
	return host.WriteFile(s.accountsFile(), append(data, '\n'), host.Attr{Mode: 0o600})
}

// newAccounts returns the users and groups that the host has now and had not when they were
// noted; none when they were not.
func (s *Set) newAccounts() ([]string, error) {
	data, err := os.ReadFile(s.accountsFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read which users the host had: %w", err)
	}
	var before []string
	if err := json.Unmarshal(data, &before); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.accountsFile(), err)
	}
	had := map[string]bool{}
	for _, name := range before {
		had[name] = true
	}
	who, err := s.RPM.Owners()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, name := range who.Names() {
		if !had[name] {
			found = append(found, name)
		}
	}
	return found, nil
}
