package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// An index that is built CONCURRENTLY is built outside a transaction. Killed or
// timed out, it leaves an invalid index, which IF NOT EXISTS accepts; killed
// between the end of the build and the record, a valid one that nobody knows of.
// So <schema>.built names, from before each build, the migrations whose index was
// not there before: going back drops those, recorded or not, and no other.

// builtTable is its name, schema included.
func (db *DB) builtTable() string { return db.schema + ".built" }

// ensureRecord creates our schema with its tables.
func (db *DB) ensureRecord(ctx context.Context) error {
	there, err := db.recordExists(ctx, db.pool)
	if err != nil || there {
		return err
	}
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	if err := db.store().CreateVersionTable(ctx, tx); err != nil {
		return fmt.Errorf("create schema %s: %w", db.schema, explain(err))
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO "+db.table()+" (version) VALUES (0) ON CONFLICT DO NOTHING"); err != nil {
		return explain(err)
	}
	return tx.Commit()
}

// dropRecord removes our schema when nothing but the empty record is in it.
func (db *DB) dropRecord(ctx context.Context) error {
	there, err := db.recordExists(ctx, db.pool)
	if err != nil || !there {
		return err
	}
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	for _, stmt := range []string{
		"DROP TABLE " + db.table(),
		"DROP TABLE IF EXISTS " + db.builtTable(),
		"DROP SCHEMA " + db.schema + " RESTRICT",
	} {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return fmt.Errorf("remove schema %s: %w", db.schema, explain(err))
		}
	}
	return tx.Commit()
}

// beforeIndex prepares for a migration that builds or drops an index, and
// reports whether that was all there was to do.
func (w *work) beforeIndex(ctx context.Context, m migration, up bool) (done bool, err error) {
	if err := w.db.ensureRecord(ctx); err != nil {
		return false, err
	}
	ours, err := w.db.built(ctx, m.number)
	if err != nil {
		return false, err
	}
	if !up {
		if ours {
			return false, nil // its row goes with dropUnrecorded
		}
		return true, explain(w.db.store().Delete(ctx, w.db.pool, m.number)) // it was there before us: it stays
	}
	name, valid, err := w.db.index(ctx, m.index)
	if err != nil {
		return false, err
	}
	switch {
	case name != "" && valid:
		// There before us, or built by a run that was killed before it could say so.
		return true, explain(w.db.store().Insert(ctx, w.db.pool, insert(m.number)))
	case name != "":
		if err := w.db.dropIndex(ctx, name); err != nil {
			return false, err
		}
	}
	if !ours {
		_, err = w.db.pool.ExecContext(ctx, "INSERT INTO "+w.db.builtTable()+" (version, name) VALUES ($1, $2)", m.number, m.index)
	}
	return false, explain(err)
}

// dropUnrecorded drops the indexes of migrations that are not applied, as far as
// we built them, valid or not.
func (w *work) dropUnrecorded(ctx context.Context) error {
	there, err := w.db.recordExists(ctx, w.db.pool)
	if err != nil || !there {
		return err
	}
	for _, m := range w.list[w.applied:] {
		if m.index == "" {
			continue
		}
		err := w.db.persist(ctx, returnPatience, func() error {
			ours, err := w.db.built(ctx, m.number)
			if err != nil || !ours {
				return err
			}
			name, _, err := w.db.index(ctx, m.index)
			if err != nil {
				return err
			}
			if name != "" {
				if err := w.db.dropIndex(ctx, name); err != nil {
					return err
				}
			}
			_, err = w.db.pool.ExecContext(ctx, "DELETE FROM "+w.db.builtTable()+" WHERE version = $1", m.number)
			return explain(err)
		})
		if err != nil {
			return fmt.Errorf("take back migration %s: %w", m.file, err)
		}
	}
	return nil
}

func (db *DB) built(ctx context.Context, number int64) (bool, error) {
	var n int
	err := db.pool.QueryRowContext(ctx, "SELECT count(*) FROM "+db.builtTable()+" WHERE version = $1", number).Scan(&n)
	return n > 0, explain(err)
}

// index looks an index up the way an unqualified name in SQL is; name is "" when
// there is none, and ready for use in SQL otherwise.
func (db *DB) index(ctx context.Context, bare string) (name string, valid bool, err error) {
	var schema string
	err = db.pool.QueryRowContext(ctx, `SELECT n.nspname, i.indisvalid FROM pg_catalog.pg_index i
		JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relname = $1 AND pg_catalog.pg_table_is_visible(c.oid)`, bare).Scan(&schema, &valid)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("look for index %s: %w", bare, explain(err))
	}
	return pgx.Identifier{schema, bare}.Sanitize(), valid, nil
}

func (db *DB) dropIndex(ctx context.Context, name string) error {
	if _, err := db.pool.ExecContext(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+name); err != nil {
		return fmt.Errorf("drop index %s: %w", name, explain(err))
	}
	return nil
}

// invalidIndexes lists the indexes of the product's tables that PostgreSQL does not use.
func (db *DB) invalidIndexes(ctx context.Context) ([]string, error) {
	names, err := db.names(ctx, `SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_index i
		JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE NOT i.indisvalid AND n.nspname !~ '^pg_' ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("look for invalid indexes: %w", err)
	}
	return names, nil
}

// othersInvalidIndexes leaves out those that an earlier run of this upgrade left:
// the next one drops them.
func (db *DB) othersInvalidIndexes(ctx context.Context) ([]string, error) {
	all, err := db.invalidIndexes(ctx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	there, err := db.recordExists(ctx, db.pool)
	if err != nil {
		return nil, err
	}
	var ours []string
	if there {
		if ours, err = db.names(ctx, "SELECT name FROM "+db.builtTable()); err != nil {
			return nil, fmt.Errorf("read %s: %w", db.builtTable(), err)
		}
	}
	return slices.DeleteFunc(all, func(full string) bool {
		_, bare, _ := strings.Cut(full, ".")
		return slices.Contains(ours, bare) || strings.HasPrefix(bare, db.schema+"_left_")
	}), nil
}

// names returns the one text column of a query.
func (db *DB) names(ctx context.Context, query string) ([]string, error) {
	rows, err := db.pool.QueryContext(ctx, query)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var names []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		names = append(names, s)
	}
	return names, explain(rows.Err())
}
