package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
)

// writeAhead is what the copy's server writes besides the data, in bytes: PostgreSQL's
// max_wal_size, 1 GiB unless it is set.
const writeAhead = 1 << 30

// databases migrates a copy of each database, there and back.
func (u *run) databases(ctx context.Context) error {
	var inWindow time.Duration
	for _, spec := range u.bundle.Manifest.Databases {
		d, err := u.database(ctx, spec)
		if errors.Is(err, database.ErrNoServer) {
			u.report.Problems = append(u.report.Problems, fmt.Sprintf("the migrations of %s were not rehearsed: %v; rehearse on the host of its server, or accept that", spec.Name, err))
			continue
		}
		if err != nil {
			if err := u.problem(ctx, fmt.Errorf("database %s: %w", spec.Name, err)); err != nil {
				return err
			}
			continue
		}
		u.report.Databases = append(u.report.Databases, d)
		inWindow += d.Switch.D()
	}
	u.part("schema", inWindow, Measured)
	return nil
}

func (u *run) database(ctx context.Context, spec manifest.Database) (d Database, err error) {
	d.Name = spec.Name
	limits := u.bundle.Manifest.Limits
	live, err := database.Open(ctx, spec, u.bundle.Manifest.Prefix, "rehearsal", limits)
	if err != nil {
		return d, err
	}
	defer live.Close()
	size, err := live.Count(ctx, "select pg_database_size(current_database())")
	if err != nil {
		return d, err
	}
	if err := u.room(2*size+writeAhead, "a copy of the database"); err != nil { // the dump lies beside the copy for a while
		return d, err
	}
	u.tell("copy the database " + spec.Name)
	began := time.Now()
	copied, err := live.Scratch(ctx, u.dir)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, copied.Close()) }()
	d.Copy = manifest.Duration(time.Since(began))
	db, err := copied.Open(ctx)
	if err != nil {
		return d, err
	}
	defer db.Close()
	before, schema, err := state(ctx, db)
	if err != nil {
		return d, err
	}
	for _, t := range before {
		d.Rows += t.Rows
	}
	if err := u.migrate(ctx, spec, db, &d, before); err != nil {
		return d, err
	}
	after, schemaAfter, err := state(ctx, db)
	if err != nil {
		return d, err
	}
	if !slices.Equal(schema, schemaAfter) {
		return d, errors.New("the way back does not lead to the schema it came from: " + firstDifference(schema, schemaAfter))
	}
	return d, lost("there and back", before, after)
}

// state is what must be the same before the way there and after the way back.
func state(ctx context.Context, db *database.DB) ([]database.Table, []string, error) {
	rows, err := db.Rows(ctx)
	if err != nil {
		return nil, nil, err
	}
	schema, err := db.Schema(ctx)
	return rows, schema, err
}

// migrate times each stage, and counts rows where the new release would begin.
func (u *run) migrate(ctx context.Context, spec manifest.Database, db *database.DB, d *Database, before []database.Table) error {
	dir := filepath.Join(u.bundle.Dir, spec.Migrations)
	start, err := db.Version(ctx)
	if err != nil {
		return err
	}
	for _, stage := range []struct {
		name string
		took *manifest.Duration
		do   func() error
	}{
		{"expand the schema", &d.Expand, func() error { return db.Expand(ctx, dir) }},
		{"schema to new", &d.Switch, func() error { return db.Converge(ctx, manifest.New, dir, start) }},
		{"schema to old", &d.Back, func() error { return db.Converge(ctx, manifest.Old, dir, start) }},
	} {
		u.tell(stage.name + " on the copy of " + spec.Name)
		if stage.took == &d.Back {
			rows, err := db.Rows(ctx)
			if err != nil {
				return err
			}
			if err := lost("the way to the new release", before, rows); err != nil {
				return err
			}
		}
		began := time.Now()
		if err := stage.do(); err != nil {
			return err
		}
		*stage.took = manifest.Duration(time.Since(began))
	}
	return nil
}

// lost compares the tables that were there before with what they have now: a
// table that is gone or has fewer rows lost some.
func lost(what string, before, after []database.Table) error {
	var said []string
	for _, t := range before {
		i := slices.IndexFunc(after, func(a database.Table) bool { return a.Name == t.Name })
		switch {
		case i < 0 && t.Rows > 0:
			said = append(said, fmt.Sprintf("%s with its %d rows is gone", t.Name, t.Rows))
		case i >= 0 && after[i].Rows < t.Rows:
			said = append(said, fmt.Sprintf("%s has %d rows instead of %d", t.Name, after[i].Rows, t.Rows))
		}
	}
	if len(said) == 0 {
		return nil
	}
	return fmt.Errorf("%s loses rows: %s", what, strings.Join(said, "; "))
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("%q became %q", a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines became %d", len(a), len(b))
}

// Sweep removes what a killed rehearsal left in folder, unless one is at work.
func Sweep(folder string) error {
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	lock, err := open(folder)
	if errors.Is(err, ErrBusy) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // the file is gone with the folder
	return os.RemoveAll(folder)
}
