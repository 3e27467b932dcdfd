package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	goose "github.com/pressly/goose/v3/database"
)

// The record of applied migrations: <schema>.migrations, one row for each that is
// applied and one for number 0. It needs PostgreSQL 9.5 only, where goose's own
// store needs 10 (identity columns).

// table is the record's name, schema included.
func (db *DB) table() string { return db.schema + ".migrations" }

// applied returns the numbers of the applied migrations, in ascending order and
// without 0, nil when there is no record. It creates nothing.
func (db *DB) applied(ctx context.Context) ([]int64, error) {
	there, err := db.recordExists(ctx, db.pool)
	if err != nil || !there {
		return nil, err
	}
	list, err := db.store().ListMigrations(ctx, db.pool)
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

func (db *DB) recordExists(ctx context.Context, q goose.DBTxConn) (bool, error) {
	var n int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relname = 'migrations'`, db.schema).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", db.table(), explain(err))
	}
	return n > 0, nil
}

func (db *DB) store() *store { return &store{db} }

// store is the record as goose sees it.
type store struct{ db *DB }

var _ goose.StoreExtender = (*store)(nil)

// Tablename implements goose's Store.
func (s *store) Tablename() string { return s.db.table() }

// TableExists implements goose's StoreExtender.
func (s *store) TableExists(ctx context.Context, q goose.DBTxConn) (bool, error) {
	return s.db.recordExists(ctx, q)
}

// CreateVersionTable implements goose's Store.
func (s *store) CreateVersionTable(ctx context.Context, q goose.DBTxConn) error {
	for _, stmt := range []string{
		"CREATE SCHEMA IF NOT EXISTS " + s.db.schema,
		"CREATE TABLE IF NOT EXISTS " + s.db.table() + ` (
			id serial PRIMARY KEY, version bigint NOT NULL UNIQUE, applied timestamp with time zone NOT NULL DEFAULT now())`,
		"CREATE TABLE IF NOT EXISTS " + s.db.builtTable() + " (version bigint PRIMARY KEY, name text NOT NULL)",
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
	_, err := q.ExecContext(ctx, "INSERT INTO "+s.db.table()+" (version) VALUES ($1)", req.Version)
	return err
}

// Delete implements goose's Store.
func (s *store) Delete(ctx context.Context, q goose.DBTxConn, version int64) error {
	_, err := q.ExecContext(ctx, "DELETE FROM "+s.db.table()+" WHERE version = $1", version)
	return err
}

// GetMigration implements goose's Store.
func (s *store) GetMigration(ctx context.Context, q goose.DBTxConn, version int64) (*goose.GetMigrationResult, error) {
	var at time.Time
	err := q.QueryRowContext(ctx, "SELECT applied FROM "+s.db.table()+" WHERE version = $1", version).Scan(&at)
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
	if err := q.QueryRowContext(ctx, "SELECT max(version) FROM "+s.db.table()).Scan(&version); err != nil {
		return 0, err
	}
	if !version.Valid {
		return 0, goose.ErrVersionNotFound
	}
	return version.Int64, nil
}

// ListMigrations implements goose's Store; the last comes first.
func (s *store) ListMigrations(ctx context.Context, q goose.DBTxConn) ([]*goose.ListMigrationsResult, error) {
	rows, err := q.QueryContext(ctx, "SELECT version FROM "+s.db.table()+" ORDER BY version DESC")
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.db.table(), explain(err))
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
