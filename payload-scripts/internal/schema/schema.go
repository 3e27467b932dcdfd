// Package schema is the product's databases in an attempt: where they are, a dump of each for a person, and
// their schemas, which can be made old or new. What is needed on the way back is on disk before anything
// is changed: the addresses, as the old release's configuration names them, and where each schema stood.
package schema

import (
	"context"
	"fmt"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/dbspace"
	"onerpm/payload-scripts/internal/dump"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/migration"
)

// How long a database may take to answer. A first engine process just worked
// with it, and while it waits the product may be down: it goes back soon. After a
// restart, of the host maybe, the engine may run before the database; and the way
// back has no other way left.
const (
	firstPatience = 15 * time.Second
	laterPatience = 2 * time.Minute
)

// Set is the product's databases in an attempt.
type Set struct{ *job.Job }

// With opens a database for one piece of work, with patience.
func (s *Set) With(ctx context.Context, spec manifest.Database, work func(*database.DB) error) error {
	deadline := time.Now().Add(firstPatience)
	if r := s.Journal.Record(); r.Back || r.Starts > 1 {
		deadline = time.Now().Add(laterPatience)
	}
	for {
		db, err := s.open(ctx, spec)
		if err == nil {
			defer db.Close()
			return work(db)
		}
		if time.Now().After(deadline) {
			return err
		}
		if err := job.Pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// migrations are those of a database.
func (s *Set) migrations(db *database.DB) *migration.Runner {
	return &migration.Runner{DB: db, Dir: s.InRun(db.Spec.Migrations),
		Progress: func(what string, done, total int64) { s.Progress.Tell(what, done, total, "rows") }}
}

// each does a piece of work with every database.
func (s *Set) each(ctx context.Context, work func(*database.DB, manifest.Database) error) error {
	return s.eachOf(ctx, s.Manifest().Databases, work)
}

func (s *Set) eachOf(ctx context.Context, list []manifest.Database, work func(*database.DB, manifest.Database) error) error {
	for _, spec := range list {
		if err := s.With(ctx, spec, func(db *database.DB) error { return work(db, spec) }); err != nil {
			return err
		}
	}
	return nil
}

// Named returns a database by its name, the first one for "".
func (s *Set) Named(name string) (manifest.Database, error) {
	for _, d := range s.Manifest().Databases {
		if name == "" || d.Name == name {
			return d, nil
		}
	}
	return manifest.Database{}, fmt.Errorf("the manifest names no database %q", name)
}

// Dump writes a dump of each that is there, while the old release serves.
func (s *Set) Dump(ctx context.Context) error {
	return s.eachOf(ctx, s.Manifest().There(), func(db *database.DB, spec manifest.Database) error {
		if s.Journal.Record().Starts > 1 { // a killed engine's sessions live on and may still commit
			if err := db.Terminate(ctx); err != nil {
				return err
			}
		}
		file := s.Attempt.Backup(spec.Name + ".dump")
		return dbspace.WhileServing(ctx, db, func(ctx context.Context) error { return dump.Write(ctx, db, file) })
	})
}

// Expand notes where the schema stands, then runs the migrations that the
// old release can live with. The note is durable before anything is changed,
// and is kept when prepare starts over.
func (s *Set) Expand(ctx context.Context) error {
	return s.each(ctx, func(db *database.DB, spec manifest.Database) error {
		if _, known := s.Journal.Record().Schema[spec.Name]; !known {
			at, err := s.migrations(db).Version(ctx)
			if err != nil {
				return err
			}
			err = s.Journal.Update(func(r *journal.Record) {
				if r.Schema == nil {
					r.Schema = map[string]int64{}
				}
				r.Schema[spec.Name] = at
			})
			if err != nil {
				return err
			}
		}
		return dbspace.WhileServing(ctx, db, s.migrations(db).Expand)
	})
}

// Confirm demands that the new release has not changed the schemas' own record.
func (s *Set) Confirm(ctx context.Context) error {
	return s.each(ctx, func(db *database.DB, spec manifest.Database) error {
		if err := db.Proves(ctx, spec.Becomes); err != nil {
			return fmt.Errorf("with the new release's services running the schema is not what it must be: %w", err)
		}
		return nil
	})
}

// Converge makes the schemas those of a side.
func (s *Set) Converge(ctx context.Context, side manifest.Side) error {
	start := s.Journal.Record().Schema
	for _, spec := range s.Manifest().Databases {
		at, known := start[spec.Name]
		if side == manifest.Old && (!known || spec.Only == manifest.New) {
			continue // the attempt never came to this schema, or it goes with its database
		}
		err := s.With(ctx, spec, func(db *database.DB) error {
			if side == manifest.Old {
				if err := db.Terminate(ctx); err != nil {
					return err
				}
			}
			if err := s.migrations(db).Converge(ctx, side, at); err != nil || side == manifest.New {
				return err
			}
			return s.restoreSequences(ctx, db, spec)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
