package migration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"onerpm/payload-scripts/internal/database"
)

// An index that is built CONCURRENTLY is built outside a transaction. Killed or
// timed out, it leaves an invalid index, which IF NOT EXISTS accepts; killed
// between the end of the build and the record, a valid one that nobody knows of.
// So <schema>.built names, from before each build, the migrations whose index was
// not there before: going back drops those, recorded or not, and no other.

// builtTable is its name, schema included.
func (r *Runner) builtTable() string { return r.Schema + ".built" }

// beforeIndex prepares for a migration that builds or drops an index, and
// reports whether that was all there was to do.
func (w *work) beforeIndex(ctx context.Context, m migration, up bool) (done bool, err error) {
	if err := w.r.ensureRecord(ctx); err != nil {
		return false, err
	}
	ours, err := w.r.built(ctx, m.number)
	if err != nil {
		return false, err
	}
	if !up {
		if ours {
			return false, nil // its row goes with dropUnrecorded
		}
		return true, database.Explain(w.r.store().Delete(ctx, w.r.Pool, m.number)) // it was there before us: it stays
	}
	name, valid, err := w.r.index(ctx, m.index)
	if err != nil {
		return false, err
	}
	switch {
	case name != "" && valid:
		// There before us, or built by a run that was killed before it could say so.
		return true, database.Explain(w.r.store().Insert(ctx, w.r.Pool, insert(m.number)))
	case name != "":
		if err := w.r.dropIndex(ctx, name); err != nil {
			return false, err
		}
	}
	if !ours {
		_, err = w.r.Pool.ExecContext(ctx, "INSERT INTO "+w.r.builtTable()+" (version, name) VALUES ($1, $2)", m.number, m.index)
	}
	return false, database.Explain(err)
}

// dropUnrecorded drops the indexes of migrations that are not applied, as far as
// we built them, valid or not.
func (w *work) dropUnrecorded(ctx context.Context) error {
	there, err := w.r.recordExists(ctx, w.r.Pool)
	if err != nil || !there {
		return err
	}
	for _, m := range w.list[w.applied:] {
		if m.index == "" {
			continue
		}
		err := w.r.Retry(ctx, returnPatience, func() error {
			ours, err := w.r.built(ctx, m.number)
			if err != nil || !ours {
				return err
			}
			name, _, err := w.r.index(ctx, m.index)
			if err != nil {
				return err
			}
			if name != "" {
				if err := w.r.dropIndex(ctx, name); err != nil {
					return err
				}
			}
			_, err = w.r.Pool.ExecContext(ctx, "DELETE FROM "+w.r.builtTable()+" WHERE version = $1", m.number)
			return database.Explain(err)
		})
		if err != nil {
			return fmt.Errorf("take back migration %s: %w", m.file, err)
		}
	}
	return nil
}

func (r *Runner) built(ctx context.Context, number int64) (bool, error) {
	var n int
	err := r.Pool.QueryRowContext(ctx, "SELECT count(*) FROM "+r.builtTable()+" WHERE version = $1", number).Scan(&n)
	return n > 0, database.Explain(err)
}

// index looks an index up the way an unqualified name in SQL is; name is "" when
// there is none, and ready for use in SQL otherwise.
func (r *Runner) index(ctx context.Context, bare string) (name string, valid bool, err error) {
	var schema string
	err = r.Pool.QueryRowContext(ctx, `SELECT n.nspname, i.indisvalid FROM pg_catalog.pg_index i
		JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relname = $1 AND pg_catalog.pg_table_is_visible(c.oid)`, bare).Scan(&schema, &valid)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("look for index %s: %w", bare, database.Explain(err))
	}
	return pgx.Identifier{schema, bare}.Sanitize(), valid, nil
}

func (r *Runner) dropIndex(ctx context.Context, name string) error {
	if _, err := r.Pool.ExecContext(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+name); err != nil {
		return fmt.Errorf("drop index %s: %w", name, database.Explain(err))
	}
	return nil
}

// invalidIndexes lists the indexes of the product's tables that PostgreSQL does not use.
func (r *Runner) invalidIndexes(ctx context.Context) ([]string, error) {
	names, err := r.Names(ctx, `SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_index i
		JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE NOT i.indisvalid AND n.nspname !~ '^pg_' ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("look for invalid indexes: %w", err)
	}
	return names, nil
}

// InvalidIndexes lists the indexes of a database that PostgreSQL does not use, but
// for those that an earlier run of this upgrade left: the next one drops them.
func InvalidIndexes(ctx context.Context, db *database.DB) ([]string, error) {
	r := &Runner{DB: db}
	all, err := r.invalidIndexes(ctx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	there, err := r.recordExists(ctx, r.Pool)
	if err != nil {
		return nil, err
	}
	var ours []string
	if there {
		if ours, err = r.Names(ctx, "SELECT name FROM "+r.builtTable()); err != nil {
			return nil, fmt.Errorf("read %s: %w", r.builtTable(), err)
		}
	}
	return slices.DeleteFunc(all, func(full string) bool {
		_, bare, _ := strings.Cut(full, ".")
		return slices.Contains(ours, bare) || strings.HasPrefix(bare, r.Schema+"_left_")
	}), nil
}
