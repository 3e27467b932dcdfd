package schema

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/host"
)

// RecordAddresses reads where the databases are, for the whole attempt: the new
// release's file may name the keys of the connection otherwise. A database that only
// the new release has is where the merged configuration says. Prepare that starts
// over reads them again as long as nothing was done to a schema and no hook has run.
// The record holds passwords: only root can read it, and it is removed with the backups.
func (s *Set) RecordAddresses(context.Context) error {
	if len(s.Manifest().Databases) == 0 {
		return nil
	}
	known, err := s.addresses()
	rec := s.Journal.Record()
	if err != nil || known != nil && (rec.Schema != nil || len(rec.Hooks) > 0) {
		return err
	}
	found := map[string]connection.Address{}
	for _, spec := range s.Manifest().Databases {
		file := spec.Connection.File
		if spec.Only == manifest.New {
			file = files.MergedFile(s.Attempt.Backup(""), file)
		}
		if found[spec.Name], err = database.ReadMerged(spec.Connection, file); err != nil {
			return err
		}
	}
	data, err := json.Marshal(found)
	if err != nil {
		return fmt.Errorf("record the databases' addresses: %w", err)
	}
	if err := os.MkdirAll(s.Attempt.Backup(""), 0o700); err != nil {
		return fmt.Errorf("record the databases' addresses: %w", err)
	}
	if err := host.WriteFile(s.Attempt.Backup(addressFile), data, host.Attr{Mode: 0o600}); err != nil {
		return fmt.Errorf("record the databases' addresses: %w", err)
	}
	return host.SyncDir(s.Attempt.Var)
}

// addressFile lies in the attempt's backup folder.
const addressFile = "databases.json"

// addresses returns what RecordAddresses wrote, nil when it did not run yet.
func (s *Set) addresses() (map[string]connection.Address, error) {
	data, err := os.ReadFile(s.Attempt.Backup(addressFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the recorded addresses of the databases: %w", err)
	}
	var known map[string]connection.Address
	if err := json.Unmarshal(data, &known); err != nil {
		return nil, fmt.Errorf("read the recorded addresses of the databases: %s is damaged", s.Attempt.Backup(addressFile))
	}
	return known, nil
}

// open connects to a database at its recorded address; before one was recorded, at
// the one that the product's file names.
func (s *Set) open(ctx context.Context, spec manifest.Database) (*database.DB, error) {
	known, err := s.addresses()
	to, recorded := known[spec.Name]
	if err == nil && !recorded && spec.Only == manifest.New {
		err = fmt.Errorf("the address of the database %s was not recorded", spec.Name)
	} else if err == nil && !recorded {
		to, err = database.ReadAddress(spec.Connection)
	}
	if err != nil {
		return nil, err
	}
	return database.OpenAt(ctx, spec, to, s.Manifest().Prefix, s.Attempt.ID, s.Manifest().Limits)
}
