// Package store is the demo product's access to its data: the tables and columns of the real product in
// PostgreSQL ([DB]), and before release 4.0 its documents in Elasticsearch ([Documents]), read and written the
// way the release at hand does it. 4.2.0 code needs resource_availability, older code does not know it.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"onerpm/test/product/internal/product"
)

// Errors that the REST service turns into its own answers.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("exists already")
	ErrSchema   = errors.New("the database's schema is not this release's")
)

// DB is the product's database as one release sees it. It is safe for concurrent use.
type DB struct {
	pool      *pgxpool.Pool
	release   product.Release
	resources map[string]resource
}

// Open connects and proves the schema. A server that does not answer is asked
// again until wait has passed; a schema of another release is ErrSchema at once.
func Open(ctx context.Context, dsn string, release product.Release, wait time.Duration) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("the database settings of cloudify-rest.conf cannot be used") // err would show the password
	}
	cfg.MaxConns = 8
	cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	cfg.ConnConfig.RuntimeParams["synchronous_commit"] = "on" // what is acknowledged is on disk, whatever the role says
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	db := &DB{pool: pool, release: release}
	db.resources = db.all()
	until := time.Now().Add(wait)
	for {
		err := db.checkSchema(ctx)
		if err == nil {
			return db, nil
		}
		if errors.Is(err, ErrSchema) || time.Now().After(until) || ctx.Err() != nil {
			pool.Close()
			return nil, fmt.Errorf("database: %w", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// Close waits for the queries under way and closes the connections.
func (db *DB) Close() { db.pool.Close() }

func (db *DB) checkSchema(ctx context.Context) error {
	var head string
	err := db.pool.QueryRow(ctx, "SELECT version_num FROM alembic_version").Scan(&head)
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == "42P01", errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("%w: no alembic_version", ErrSchema)
	case err != nil:
		return err
	case head != db.release.Head:
		return fmt.Errorf("%w: alembic_version is %s, %s needs %s", ErrSchema, head, db.release.Version, db.release.Head)
	}
	if !db.release.Availability {
		return nil
	}
	var lacking int
	err = db.pool.QueryRow(ctx, `SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attname = 'private_resource'
		AND NOT EXISTS (SELECT FROM pg_attribute o WHERE o.attrelid = c.oid AND o.attname = 'resource_availability')`).Scan(&lacking)
	if err != nil {
		return err
	}
	if lacking > 0 {
		return fmt.Errorf("%w: %d tables lack the column resource_availability", ErrSchema, lacking)
	}
	return nil
}

// unique turns a duplicate key into ErrConflict.
func unique(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return ErrConflict
	}
	return err
}

func one(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	return err
}
