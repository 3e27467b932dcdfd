package migration

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/pressly/goose/v3"
	goosedb "github.com/pressly/goose/v3/database"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/host"
)

// work is one run over a folder.
type work struct {
	r       *Runner
	list    []migration
	applied int      // how many of list are
	did     []string // files done in this run
	watch   *watch
	goose   *goose.Provider
}

// begin reads the folder, ends what earlier processes left running, and compares the folder with the record.
func (r *Runner) begin(ctx context.Context) (*work, error) {
	w := &work{r: r, watch: &watch{}}
	var err error
	if w.list, err = readFolder(r.Dir); err != nil {
		return nil, err
	}
	if err := r.Terminate(ctx); err != nil {
		return nil, err
	}
	applied, err := r.applied(ctx)
	if err != nil {
		return nil, err
	}
	if w.applied, err = countApplied(w.list, applied); err != nil {
		return nil, err
	}
	w.goose, err = goose.NewProvider(goosedb.DialectCustom, r.Pool, os.DirFS(r.Dir), goose.WithStore(r.store()),
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
func (w *work) up(ctx context.Context, p database.Patience) error {
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
func (w *work) step(ctx context.Context, m migration, up bool, p database.Patience) error {
	tries := 0
	err := w.r.Retry(ctx, p, func() error {
		if tries++; tries > 1 {
			if done, err := w.r.isApplied(ctx, m.number); err != nil || done == up {
				return err
			}
		}
		return w.once(ctx, m, up)
	})
	if err != nil {
		e := &Error{File: m.file, Down: !up, Kept: m.alone, Did: w.did, Err: err}
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
	if w.r.Migrating != nil {
		w.r.Migrating(m.file, up)
		defer w.r.Migrating("", up)
	}
	host.Point("migrate", m.file)
	_, err := w.goose.ApplyVersion(ctx, m.number, up)
	w.r.Renew() // a file may have what pg_dump writes: SET lock_timeout = 0
	if err != nil {
		return database.Explain(err)
	}
	host.Point("migrated", m.file)
	return nil
}

func (r *Runner) isApplied(ctx context.Context, number int64) (bool, error) {
	applied, err := r.applied(ctx)
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
	broken, err := w.r.invalidIndexes(ctx)
	if err != nil {
		return err
	}
	if len(broken) > 0 {
		return fmt.Errorf("invalid indexes: %v; drop them or REINDEX them", broken)
	}
	return nil
}

func (w *work) proveApplied(ctx context.Context, n int) error {
	applied, err := w.r.applied(ctx)
	if err != nil {
		return err
	}
	got, err := countApplied(w.list, applied)
	if err != nil {
		return err
	}
	if got != n {
		return fmt.Errorf("%d of this bundle's %d migrations are applied instead of %d", got, len(w.list), n)
	}
	return nil
}
