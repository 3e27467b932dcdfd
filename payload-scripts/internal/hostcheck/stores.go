package hostcheck

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/dbspace"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/memory"
	"onerpm/payload-scripts/internal/preflight"
	"onerpm/payload-scripts/internal/storecheck"
)

// storeLook is one look at a store, for all that ask about it.
type storeLook struct {
	spec manifest.Store
	look func() (*storecheck.Inspection, []finding.Finding)
}

// lookAtStores prepares a look at each store, which waits for one that may be starting.
func lookAtStores(ctx context.Context, m *manifest.Manifest, starting bool) (all []storeLook) {
	for _, spec := range m.Stores {
		drained := slices.ContainsFunc(m.Services, func(u manifest.Service) bool { return u.Drain != nil && u.Drain.Store == spec.Name })
		all = append(all, storeLook{spec, sync.OnceValues(func() (*storecheck.Inspection, []finding.Finding) {
			return storecheck.Run(ctx, spec, drained, starting)
		})})
	}
	return all
}

// newDatabaseFolder is where the packages of PostgreSQL keep a database that is not there yet.
const newDatabaseFolder = "/var/lib/pgsql"

// mostLog is what the write-ahead log of a copy takes at most, in bytes: PostgreSQL's max_wal_size.
const mostLog = 1 << 30

// space tells what the copy of a store takes. A source that cannot be read is a finding of its own.
func (l storeLook) space(ctx context.Context, b *layout.Bundle) ([]preflight.Need, error) {
	found, _ := l.look()
	if found == nil {
		return nil, nil
	}
	for _, spec := range b.Manifest.Databases {
		if spec.Name != l.spec.To {
			continue
		}
		path := newDatabaseFolder
		if spec.Only != manifest.New {
			db, err := database.Open(ctx, spec, b.Manifest.Prefix, "check", b.Manifest.Limits)
			if err != nil {
				return nil, nil //nolint:nilerr // a finding of its own
			}
			defer db.Close()
			data, here, err := dbspace.Folder(ctx, db)
			if err != nil || !here {
				return nil, err
			}
			path = data
		}
		return []preflight.Need{
			{Path: path, Bytes: found.DiskSpace(), What: "copy of the store " + l.spec.Name},
			{Path: path, Bytes: min(mostLog, found.DiskSpace()), What: "PostgreSQL's log of that copy"},
		}, nil
	}
	return nil, nil
}

// newDatabase tells whether the merged configuration says where a database will be that the old release does not have.
func newDatabase(ctx context.Context, b *layout.Bundle, spec manifest.Database) []finding.Finding {
	_, err := MergedAddress(ctx, b, spec)
	if err == nil {
		return nil
	}
	return []finding.Finding{{ID: "database-address", Level: finding.Refuse,
		What: fmt.Sprintf("where the new release's database %s will be cannot be determined: %v", spec.Name, err),
		Do:   "correct this host's part of " + spec.Connection.File + ", then check again"}}
}

// MergedAddress reads where a database will be that only the new release has.
func MergedAddress(ctx context.Context, b *layout.Bundle, spec manifest.Database) (a connection.Address, err error) {
	scratch, err := memory.Folder(b.Manifest.Prefix+"-address-", verifyRoom)
	if err != nil {
		return a, err
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // memory; the next check removes what is left
	merged := filepath.Join(scratch, "merged")
	if err := os.Mkdir(merged, 0o700); err != nil {
		return a, err
	}
	if _, err := Merge(ctx, b, merged); err != nil {
		return a, err
	}
	return database.ReadMerged(spec.Connection, files.MergedFile(merged, spec.Connection.File))
}
