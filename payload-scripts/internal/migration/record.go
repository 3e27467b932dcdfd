package migration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	goose "github.com/pressly/goose/v3/database"

	"onerpm/payload-scripts/internal/database"
)

// The record of applied migrations: <schema>.migrations, one row for each that is
// applied and one for number 0. It needs PostgreSQL 9.5 only, where goose's own
// store needs 10 (identity columns).

// table is the record's name, schema included.
func (r *Runner) table() string { return r.Schema + ".migrations" }

// applied returns the numbers of the applied migrations, in ascending order and
// without 0, nil when there is no record. It creates nothing.
func (r *Runner) applied(ctx context.Context) ([]int64, error) {
	there, err := r.recordExists(ctx, r.Pool)
	if err != nil || !there {
		return nil, err
	}
	list, err := r.store().ListMigrations(ctx, r.Pool)
	if err != nil {
		return nil, err
	}
	var numbers []int64
	for i := len(list) - 1; i >= 0; i-- { // listed from the last to the first
		if list[i].Version != 0 {
			numbers = append(numbers, list[i].Version)
		}
	}
	return numbers, nil
}

func (r *Runner) recordExists(ctx context.Context, q goose.DBTxConn) (bool, error) {
	var n int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relname = 'migrations'`, r.Schema).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", r.table(), database.Explain(err))
	}
	return n > 0, nil
}

// ensureRecord creates our schema with its tables.
func (r *Runner) ensureRecord(ctx context.Context) error {
	there, err := r.recordExists(ctx, r.Pool)
	if err != nil || there {
		return err
	}
	tx, err := r.Pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	if err := r.store().CreateVersionTable(ctx, tx); err != nil {
		return fmt.Errorf("create schema %s: %w", r.Schema, database.Explain(err))
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO "+r.table()+" (version) VALUES (0) ON CONFLICT DO NOTHING"); err != nil {
		return database.Explain(err)
	}
	return tx.Commit()
}

// dropRecord removes our schema when nothing but the empty record is in it.
func (r *Runner) dropRecord(ctx context.Context) error {
	there, err := r.recordExists(ctx, r.Pool)
	if err != nil || !there {
		return err
	}
	tx, err := r.Pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	for _, stmt := range []string{
		"DROP TABLE " + r.table(),
		"DROP TABLE IF EXISTS " + r.builtTable(),
		"DROP SCHEMA " + r.Schema + " RESTRICT",
	} {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return fmt.Errorf("remove schema %s: %w", r.Schema, database.Explain(err))
		}
	}
	return tx.Commit()
}

func (r *Runner) store() *store { return &store{r} }

// store is the record as goose sees it.
type store struct{ r *Runner }

var _ goose.StoreExtender = (*store)(nil)

// Tablename implements goose's Store.
func (s *store) Tablename() string { return s.r.table() }

// TableExists implements goose's StoreExtender.
func (s *store) TableExists(ctx context.Context, q goose.DBTxConn) (bool, error) {
	return s.r.recordExists(ctx, q)
}

// CreateVersionTable implements goose's Store.
func (s *store) CreateVersionTable(ctx context.Context, q goose.DBTxConn) error {
	for _, stmt := range []string{
		"CREATE SCHEMA IF NOT EXISTS " + s.r.Schema,
		"CREATE TABLE IF NOT EXISTS " + s.r.table() + ` (
			id serial PRIMARY KEY, version bigint NOT NULL UNIQUE, applied timestamp with time zone NOT NULL DEFAULT now())`,
		"CREATE TABLE IF NOT EXISTS " + s.r.builtTable() + " (version bigint PRIMARY KEY, name text NOT NULL)",
	} {
		if _, err := q.ExecContext(ctx, stmt); err != nil {
			return err
		}
	}
	return nil
}

func insert(version int64) goose.InsertRequest { return goose.InsertRequest{Version: version} }

// Insert implements goose's Store.
func (s *store) Insert(ctx context.Context, q goose.DBTxConn, req goose.InsertRequest) error {
	_, err := q.ExecContext(ctx, "INSERT INTO "+s.r.table()+" (version) VALUES ($1)", req.Version)
	return err
}

// Delete implements goose's Store.
func (s *store) Delete(ctx context.Context, q goose.DBTxConn, version int64) error {
	_, err := q.ExecContext(ctx, "DELETE FROM "+s.r.table()+" WHERE version = $1", version)
	return err
}

// GetMigration implements goose's Store.
func (s *store) GetMigration(ctx context.Context, q goose.DBTxConn, version int64) (*goose.GetMigrationResult, error) {
	var at time.Time
	err := q.QueryRowContext(ctx, "SELECT applied FROM "+s.r.table()+" WHERE version = $1", version).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%w: %d", goose.ErrVersionNotFound, version)
	}
	if err != nil {
		return nil, err
	}
	return &goose.GetMigrationResult{Timestamp: at, IsApplied: true}, nil
}

// GetLatestVersion implements goose's Store.
func (s *store) GetLatestVersion(ctx context.Context, q goose.DBTxConn) (int64, error) {
	var version sql.NullInt64
	if err := q.QueryRowContext(ctx, "SELECT max(version) FROM "+s.r.table()).Scan(&version); err != nil {
		return 0, err
	}
	if !version.Valid {
		return 0, goose.ErrVersionNotFound
	}
	return version.Int64, nil
}

// ListMigrations implements goose's Store; the last comes first.
func (s *store) ListMigrations(ctx context.Context, q goose.DBTxConn) ([]*goose.ListMigrationsResult, error) {
	rows, err := q.QueryContext(ctx, "SELECT version FROM "+s.r.table()+" ORDER BY version DESC")
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.r.table(), database.Explain(err))
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var list []*goose.ListMigrationsResult
	for rows.Next() {
		r := goose.ListMigrationsResult{IsApplied: true}
		if err := rows.Scan(&r.Version); err != nil {
			return nil, err
		}
		list = append(list, &r)
	}
	return list, rows.Err()
}
