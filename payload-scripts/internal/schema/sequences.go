package schema

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/sequence"
)

// sequencesFile lies in the attempt's backup folder.
const sequencesFile = "sequences.json"

// How long a server may be away while its sequences are noted, and put back: as with the migrations, there is another way left
// until the way back.
const (
	recordAbsence  = time.Minute
	restoreAbsence = 10 * time.Minute
)

// sequencesLimit bounds each statement, as nobody is served meanwhile. Thousands of sequences take a second; without statistics of the
// catalog PostgreSQL takes a minute for them.
const sequencesLimit = 3 * time.Second

// RecordSequences notes where the sequences stand once nobody draws from them any more, for the way back. What was noted first counts.
// Those of a database that refuses are not noted, which is no reason to go back: they would stay ahead.
func (s *Set) RecordSequences(ctx context.Context) error {
	if len(s.Manifest().There()) == 0 {
		return nil
	}
	if known, err := s.sequences(); err != nil || known != nil {
		return err
	}
	found := map[string][]sequence.Sequence{}
	err := s.eachOf(ctx, s.Manifest().There(), func(db *database.DB, spec manifest.Database) error {
		defer db.Limit(db.Limit(sequencesLimit))
		return db.RetryLost(ctx, recordAbsence, func() (err error) {
			found[spec.Name], err = sequence.Record(ctx, db)
			return unlessRefused(ctx, spec, err)
		})
	})
	if err != nil {
		return err
	}
	data, err := json.Marshal(found)
	if err == nil {
		err = host.WriteFile(s.Attempt.Backup(sequencesFile), data, host.Attr{Mode: 0o600})
	}
	if err != nil {
		return fmt.Errorf("record where the sequences stand: %w", err)
	}
	return nil
}

// sequences returns what RecordSequences wrote, nil when it did not run yet: nothing can have drawn from a sequence then.
func (s *Set) sequences() (known map[string][]sequence.Sequence, err error) {
	data, err := os.ReadFile(s.Attempt.Backup(sequencesFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &known)
	}
	if err != nil {
		return nil, fmt.Errorf("read where the sequences stood: %w", err)
	}
	return known, nil
}

// restoreSequences puts back those that have moved on, unless the database refuses: the old release can live with it.
func (s *Set) restoreSequences(ctx context.Context, db *database.DB, spec manifest.Database) error {
	known, err := s.sequences()
	if err != nil || known == nil {
		return err
	}
	defer db.Limit(db.Limit(sequencesLimit))
	return db.RetryLost(ctx, restoreAbsence, func() error {
		ahead, err := sequence.Restore(ctx, db, known[spec.Name])
		if len(ahead) > 0 {
			slog.Warn("sequences stay ahead, as rows may have their numbers", "database", spec.Name, "sequences", strings.Join(ahead, ", "))
		}
		return unlessRefused(ctx, spec, err)
	})
}

func unlessRefused(ctx context.Context, spec manifest.Database, err error) error {
	if err == nil || ctx.Err() != nil || !database.Refused(err) {
		return err
	}
	slog.Warn("sequences may stay ahead on the way back", "database", spec.Name, "because", err)
	return nil
}
