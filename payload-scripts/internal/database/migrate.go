package database

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
)

// Expand applies the expand migrations of the folder that are not applied yet,
// fills the rows that were there before them, and proves both. The product
// serves meanwhile.
func (db *DB) Expand(ctx context.Context, dir string) error {
	if db.spec.Migrations == "" {
		return nil
	}
	w, err := db.begin(ctx, dir)
	if err != nil {
		return err
	}
	for w.applied < len(w.list) && !w.list[w.applied].change {
		if err := w.up(ctx, usualPatience); err != nil {
			return err
		}
	}
	if w.switched() == 0 {
		if err := db.backfill(ctx); err != nil {
			return err
		}
		if err := db.proves(ctx, db.spec.Expects); err != nil {
			return fmt.Errorf("after the expand migrations the schema is not the old release's any more: %w", err)
		}
	}
	return w.prove(ctx, max(w.applied, w.expands()))
}

// Converge brings the schema to a side and proves it. New applies what is left;
// Old takes back everything after the migration number start, and when nothing
// is left then, our own schema goes too.
func (db *DB) Converge(ctx context.Context, side manifest.Side, dir string, start int64) error {
	if db.spec.Migrations == "" {
		return nil
	}
	w, err := db.begin(ctx, dir)
	if err != nil {
		return err
	}
	if side == manifest.Old {
		return w.toOld(ctx, start)
	}
	return w.toNew(ctx)
}

func (w *work) toNew(ctx context.Context) error {
	for w.applied < len(w.list) {
		if w.list[w.applied].change && w.switched() == 0 {
			if err := w.db.fillRest(ctx); err != nil {
				return err
			}
		}
		if err := w.up(ctx, windowPatience); err != nil {
			return err
		}
	}
	if err := w.db.dropLeftIndexes(ctx, windowPatience, false); err != nil {
		return err
	}
	if err := w.db.proves(ctx, w.db.spec.Becomes); err != nil {
		return fmt.Errorf("after the migrations the schema is not the new release's: %w", err)
	}
	return w.prove(ctx, len(w.list))
}

func (w *work) toOld(ctx context.Context, start int64) error {
	keep := 0
	for keep < w.applied && w.list[keep].number <= start {
		keep++
	}
	for w.applied > keep {
		if err := w.down(ctx); err != nil {
			return err
		}
	}
	if err := w.dropUnrecorded(ctx); err != nil {
		return err
	}
	if err := w.db.dropLeftIndexes(ctx, returnPatience, true); err != nil {
		return err
	}
	if at, err := w.db.Version(ctx); err != nil {
		return err
	} else if at != start {
		return fmt.Errorf("the schema is at migration %d, not at %d where it started, and this bundle has no way between them", at, start)
	}
	if start == 0 {
		if err := w.db.dropRecord(ctx); err != nil {
			return err
		}
	}
	if err := w.db.proves(ctx, w.db.spec.Expects); err != nil {
		return fmt.Errorf("after going back the schema is not the old release's: %w", err)
	}
	return w.proveApplied(ctx, keep) // an invalid index that somebody else left must not stop the way back
}

// work is one run over a folder.
type work struct {
	db      *DB
	list    []migration
	applied int      // how many of list are
	did     []string // files done in this run
	watch   *watch
	goose   *goose.Provider
}

// begin reads the folder, ends what earlier processes left running, and compares the folder with the record.
func (db *DB) begin(ctx context.Context, dir string) (*work, error) {
	w := &work{db: db, watch: &watch{}}
	var err error
	if w.list, err = readFolder(dir); err != nil {
		return nil, err
	}
	if err := db.Terminate(ctx); err != nil {
		return nil, err
	}
	applied, err := db.applied(ctx)
	if err != nil {
		return nil, err
	}
	if w.applied, err = own(w.list, applied); err != nil {
		return nil, err
	}
	w.goose, err = goose.NewProvider(database.DialectCustom, db.pool, os.DirFS(dir), goose.WithStore(db.store()),
		goose.WithDisableGlobalRegistry(true), goose.WithVerbose(true), goose.WithSlog(slog.New(w.watch)))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return w, nil
}

func (w *work) expands() (n int) {
	for _, m := range w.list {
		if !m.change {
			n++
		}
	}
	return n
}

// switched returns how many switch migrations are applied.
func (w *work) switched() int { return max(0, w.applied-w.expands()) }

// up applies the next migration.
func (w *work) up(ctx context.Context, p patience) error {
	m := w.list[w.applied]
	if err := w.step(ctx, m, true, p); err != nil {
		return err
	}
	w.applied++
	return nil
}

// down takes the last migration back.
func (w *work) down(ctx context.Context) error {
	m := w.list[w.applied-1]
	if err := w.step(ctx, m, false, returnPatience); err != nil {
		return err
	}
	w.applied--
	return nil
}

// step is one file in one direction, tried again as a whole.
func (w *work) step(ctx context.Context, m migration, up bool, p patience) error {
	tries := 0
	err := w.db.persist(ctx, p, func() error {
		if tries++; tries > 1 {
			if done, err := w.db.isApplied(ctx, m.number); err != nil || done == up {
				return err
			}
		}
		return w.once(ctx, m, up)
	})
	if err != nil {
		e := &MigrationError{File: m.file, Down: !up, Kept: m.alone, Did: w.did, Err: err}
		e.Statement, e.Text = w.watch.last()
		return e
	}
	slog.Info("migration", "file", m.file, "up", up, "tries", tries)
	w.did = append(w.did, m.file)
	return nil
}

func (w *work) once(ctx context.Context, m migration, up bool) error {
	w.watch.reset()
	if m.index != "" {
		if done, err := w.beforeIndex(ctx, m, up); done || err != nil {
			return err
		}
	}
	if w.db.Migrating != nil {
		w.db.Migrating(m.file, up)
		defer w.db.Migrating("", up)
	}
	host.Point("migrate", m.file)
	if _, err := w.goose.ApplyVersion(ctx, m.number, up); err != nil {
		return explain(err)
	}
	host.Point("migrated", m.file)
	return nil
}

func (db *DB) isApplied(ctx context.Context, number int64) (bool, error) {
	applied, err := db.applied(ctx)
	if err != nil {
		return false, err
	}
	for _, n := range applied {
		if n == number {
			return true, nil
		}
	}
	return false, nil
}

// prove looks at the record and the indexes: exactly the first n migrations of
// the folder are applied, and every index is valid.
func (w *work) prove(ctx context.Context, n int) error {
	if err := w.proveApplied(ctx, n); err != nil {
		return err
	}
	broken, err := w.db.invalidIndexes(ctx)
	if err != nil {
		return err
	}
	if len(broken) > 0 {
		return fmt.Errorf("invalid indexes: %v; drop them or REINDEX them", broken)
	}
	return nil
}

func (w *work) proveApplied(ctx context.Context, n int) error {
	applied, err := w.db.applied(ctx)
	if err != nil {
		return err
	}
	got, err := own(w.list, applied)
	if err != nil {
		return err
	}
	if got != n {
		return fmt.Errorf("%d of this bundle's %d migrations are applied instead of %d", got, len(w.list), n)
	}
	return nil
}
