package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/dump"
	"onerpm/payload-scripts/internal/hostcheck"
	"onerpm/payload-scripts/internal/migration"
	"onerpm/payload-scripts/internal/scratch"
	"onerpm/payload-scripts/internal/trial"
)

// writeAhead is what the copy's server writes besides the data, in bytes: PostgreSQL's
// max_wal_size, 1 GiB unless it is set.
const writeAhead = 1 << 30

// databases migrates a copy of each database, there and back.
func (u *run) databases(ctx context.Context) error {
	var inWindow time.Duration
	for _, spec := range u.bundle.Manifest.Databases {
		d, err := u.database(ctx, spec)
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
	if spec.Only == manifest.New {
		return d, u.newDatabase(ctx, spec, &d)
	}
	limits := u.bundle.Manifest.Limits
	live, err := database.Open(ctx, spec, u.bundle.Manifest.Prefix, "rehearsal", limits)
	if err != nil {
		return d, err
	}
	defer live.Close()
	if err := scratch.Available(ctx, live); err != nil {
		return d, &untriedError{fmt.Errorf("the migrations cannot be tried on a copy: %w; rehearse on the host of its server", err)}
	}
	size, err := live.Count(ctx, "select pg_database_size(current_database())")
	if err != nil {
		return d, err
	}
	if err := u.requireSpace(2*size+writeAhead, "a copy of the database"); err != nil { // the dump lies beside the copy for a while
		return d, err
	}
	u.tell("copy the database " + spec.Name)
	began := time.Now()
	file := filepath.Join(u.dir, "database.dump")
	if err := dump.Write(ctx, live, file); err != nil {
		return d, err
	}
	u.before(time.Since(began))
	copied, err := scratch.Make(ctx, live, u.dir, file)
	if err != nil {
		return d, &untriedError{err}
	}
	if err := os.Remove(file); err != nil { // the migrations need the room
		return d, errors.Join(err, copied.Close())
	}
	defer func() { err = errors.Join(err, copied.Close()) }()
	d.Copy = manifest.Duration(time.Since(began))
	db, err := copied.Open(ctx)
	if err != nil {
		return d, &untriedError{err}
	}
	defer db.Close()
	return d, u.migrate(ctx, copied, spec, &migration.Runner{DB: db, Dir: filepath.Join(u.bundle.Dir, spec.Migrations)}, &d)
}

// newDatabase tries the migrations in an empty database, for one that the old release does not have.
func (u *run) newDatabase(ctx context.Context, spec manifest.Database, d *Database) (err error) {
	to, err := hostcheck.MergedAddress(ctx, u.bundle, spec)
	if err != nil {
		return err
	}
	m := u.bundle.Manifest
	made, err := scratch.New(ctx, scratch.Spec{Database: spec, To: to, Prefix: m.Prefix, Limits: m.Limits}, u.dir)
	if err != nil {
		return &untriedError{err}
	}
	defer func() { err = errors.Join(err, made.Close()) }()
	db, err := made.Open(ctx)
	if err != nil {
		return &untriedError{err}
	}
	defer db.Close()
	return u.migrate(ctx, made, spec, &migration.Runner{DB: db, Dir: filepath.Join(u.bundle.Dir, spec.Migrations)}, d)
}

// migrate takes the copy there and back, and counts rows where the new release would begin.
func (u *run) migrate(ctx context.Context, copied *scratch.Server, spec manifest.Database, r *migration.Runner, d *Database) error {
	said := map[trial.Stage]string{trial.Expand: "expand the schema", trial.Switch: "schema to new", trial.Back: "schema to old"}
	filled, err := u.stores(ctx, spec, r.DB)
	if err != nil {
		return err
	}
	defer filled.close()
	seen, err := trial.Run(ctx, r, trial.Options{Count: true, Fill: filled.fill, Empty: filled.empty, Begin: func(s trial.Stage) { u.tell(said[s] + " on the copy of " + spec.Name) }})
	switch {
	case filled.failed != nil: // the upgrade copies the store the same way
		return ofTheCopy(copied, err)
	case err != nil:
		return &untriedError{err}
	case seen.Failed != nil:
		return ofTheCopy(copied, seen.Failed.Err)
	}
	d.Rows = seen.Rows
	u.before(seen.Took[trial.Expand])
	d.Expand, d.Switch, d.Back = manifest.Duration(seen.Took[trial.Expand]), manifest.Duration(seen.Took[trial.Switch]), manifest.Duration(seen.Took[trial.Back])
	if len(seen.Lost) > 0 {
		return errors.New("rows are lost: " + strings.Join(seen.Lost, "; "))
	}
	if len(seen.Back) > 0 {
		return errors.New("the way back does not lead to the schema it came from: " + strings.Join(seen.Back, " | "))
	}
	return nil
}
