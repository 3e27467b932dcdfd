// Package database brings the schema of a product's PostgreSQL database to one
// of the two sides. It promises that each migration happens whole or not at
// all; that going back leaves the schema as it was found and loses no row; that
// no statement waits for a lock longer than the limit; that what it reports as
// done was looked up in the database afterwards; and that no password reaches
// an error, a log, an argument list or an environment.
//
// It keeps its own record, which migrations were applied, in a schema of its own
// (see store.go) beside the product's tables.
package database

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"onerpm/internal/hostconf"
	"onerpm/internal/manifest"
)

const (
	connectTimeout     = 10 * time.Second
	defaultLockTimeout = 3 * time.Second
	maxApplicationName = 63 // PostgreSQL cuts longer ones (NAMEDATALEN-1)
)

// DB is one database of the product, open for one attempt. It is not safe for
// concurrent use.
type DB struct {
	spec   manifest.Database
	to     hostconf.Address
	schema string        // our own schema
	family string        // application_name of every session of this attempt, without the part that is this process's own
	name   string        // application_name of this DB's sessions
	lock   time.Duration // every statement waits for a lock at most as long
	pool   *sql.DB
	config *pgx.ConnConfig

	// Progress, when set, is told how far a long piece of work is; it may be
	// called often. Done and total are rows, total an estimate.
	Progress func(what string, done, total int64)

	// Migrating, when set, is told which file is about to be applied or taken
	// back, and with "" that this is over.
	Migrating func(file string, up bool)
}

// Open reads the connection from the product's configuration as it is on this
// host now, and connects (OpenAt).
func Open(ctx context.Context, spec manifest.Database, prefix, attempt string, limits manifest.Limits) (*DB, error) {
	to, err := ReadAddress(spec.Connection)
	if err != nil {
		return nil, err
	}
	return OpenAt(ctx, spec, to, prefix, attempt, limits)
}

// OpenAt connects to the database at an address that was read before. Every session
// is named "<prefix> <attempt> ..." and waits for locks at most as long as the
// limits say. An error holds no password.
func OpenAt(ctx context.Context, spec manifest.Database, to hostconf.Address, prefix, attempt string, limits manifest.Limits) (*DB, error) {
	return OpenTraced(ctx, spec, to, prefix, attempt, limits, nil)
}

// OpenTraced is OpenAt with a tracer of every statement, nil for none.
func OpenTraced(ctx context.Context, spec manifest.Database, to hostconf.Address, prefix, attempt string, limits manifest.Limits, tracer pgx.QueryTracer) (*DB, error) {
	db := &DB{spec: spec, to: to, schema: schemaName(prefix), family: prefix + " " + attempt}
	own := make([]byte, 4)
	if _, err := rand.Read(own); err != nil {
		return nil, err
	}
	db.name = db.family + " " + hex.EncodeToString(own)
	if len(db.name) > maxApplicationName {
		return nil, fmt.Errorf("application name %q is longer than PostgreSQL keeps (%d)", db.name, maxApplicationName)
	}
	db.lock = limits.LockTimeout.D()
	if db.lock <= 0 {
		db.lock = defaultLockTimeout
	}
	if err := db.connect(ctx, tracer); err != nil {
		return nil, err
	}
	return db, nil
}

// connect opens the sessions of a DB that has everything but them.
func (db *DB) connect(ctx context.Context, tracer pgx.QueryTracer) error {
	var err error
	if db.config, err = clientConfig(db.to, db.name, db.lock); err != nil {
		return err
	}
	db.config.Tracer = tracer
	db.pool = stdlib.OpenDB(*db.config)
	db.pool.SetMaxOpenConns(2)
	if err := db.pool.PingContext(ctx); err != nil {
		_ = db.pool.Close()
		return fmt.Errorf("connect to %s: %w", db.to, explain(err))
	}
	return nil
}

// Close ends the sessions.
func (db *DB) Close() { _ = db.pool.Close() } // an error here says only that a session was ended by someone else

// Count returns what a query with one row and one number answers, such as the
// number of things under way. The query can write nothing.
func (db *DB) Count(ctx context.Context, query string) (int64, error) {
	value, err := db.readOne(ctx, query)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the query %q does not answer with a number", short(query))
	}
	return n, nil
}

// Version returns the number of the last migration that was applied, 0 when
// none ever was. It creates nothing.
func (db *DB) Version(ctx context.Context) (int64, error) {
	applied, err := db.applied(ctx)
	if err != nil || len(applied) == 0 {
		return 0, err
	}
	return applied[len(applied)-1], nil
}

// readOne runs a query in a transaction that can write nothing and returns the
// one value of its one row as text.
func (db *DB) readOne(ctx context.Context, query string) (string, error) {
	var value string
	err := db.reading(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err says it
		got, err := texts(rows, 2)
		if err != nil {
			return err
		}
		if len(got.rows) != 1 || len(got.rows[0]) != 1 {
			return fmt.Errorf("%d rows of %d columns instead of one value", len(got.rows), len(got.columns))
		}
		value = got.rows[0][0].String
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("query %q: %w", short(query), explain(err))
	}
	return value, nil
}

// reading runs work in a transaction that can write nothing and is rolled back.
func (db *DB) reading(ctx context.Context, work func(*sql.Tx) error) error {
	tx, err := db.pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it only read
	return work(tx)
}

// proves tells whether a query answers as expected; nil expects nothing.
func (db *DB) proves(ctx context.Context, e *manifest.Expects) error {
	if e == nil {
		return nil
	}
	got, err := db.readOne(ctx, e.Query)
	if err != nil {
		return err
	}
	if got != e.Value {
		return fmt.Errorf("%q answers %q, not %q", short(e.Query), short(got), e.Value)
	}
	return nil
}

// schemaName derives the name of our own schema from the prefix: it needs no
// quotes in SQL.
func schemaName(prefix string) string {
	if prefix != "" && prefix[0] >= '0' && prefix[0] <= '9' {
		prefix = "_" + prefix
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		default:
			return '_'
		}
	}, prefix)
}

// short bounds a text for a message and puts it on one line.
func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 160 {
		return string(r[:160]) + "..."
	}
	return s
}
