// Package database opens the sessions in which the engine works with a product's
// PostgreSQL database, and asks it questions. It promises that no statement waits for
// a lock longer than the limit, and that no password reaches an error, a log, an
// argument list or an environment.
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
	Spec   manifest.Database
	Schema string  // the engine's own schema in it
	Name   string  // application_name of its sessions
	Pool   *sql.DB // its sessions

	to     hostconf.Address
	family string        // application_name of every session of this attempt, without the part that is this process's own
	lock   time.Duration // every statement waits for a lock at most as long
	config *pgx.ConnConfig
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
	db := &DB{Spec: spec, to: to, Schema: schemaName(prefix), family: prefix + " " + attempt}
	own := make([]byte, 4)
	if _, err := rand.Read(own); err != nil {
		return nil, err
	}
	db.Name = db.family + " " + hex.EncodeToString(own)
	if len(db.Name) > maxApplicationName {
		return nil, fmt.Errorf("application name %q is longer than PostgreSQL keeps (%d)", db.Name, maxApplicationName)
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
	if db.config, err = clientConfig(db.to, db.Name, db.lock); err != nil {
		return err
	}
	db.config.Tracer = tracer
	db.Pool = stdlib.OpenDB(*db.config)
	db.Pool.SetMaxOpenConns(2)
	if err := db.Pool.PingContext(ctx); err != nil {
		_ = db.Pool.Close()
		return fmt.Errorf("connect to %s: %w", db.to, Explain(err))
	}
	return nil
}

// Beside opens the same kind of sessions in another server's database, which has its
// socket in a folder and asks for no password: in a copy of this one.
func (db *DB) Beside(ctx context.Context, socket, user, name string) (*DB, error) {
	beside := &DB{Spec: db.Spec, to: hostconf.Address{Host: socket, Port: 5432, Database: name, User: user},
		Schema: db.Schema, family: db.family, Name: db.Name, lock: db.lock}
	return beside, beside.connect(ctx, nil)
}

// String names the database, its address and our user there.
func (db *DB) String() string { return db.to.String() }

// User is the role that the product and its migrations use.
func (db *DB) User() string { return db.to.User }

// Database is the database's name in PostgreSQL.
func (db *DB) Database() string { return db.to.Database }

// Close ends the sessions.
func (db *DB) Close() { _ = db.Pool.Close() } // an error here says only that a session was ended by someone else

// Count returns what a query with one row and one number answers, such as the
// number of things under way. The query can write nothing.
func (db *DB) Count(ctx context.Context, query string) (int64, error) {
	value, err := db.Value(ctx, query)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the query %q does not answer with a number", Short(query))
	}
	return n, nil
}

// Value runs a query in a transaction that can write nothing and returns the
// one value of its one row as text.
func (db *DB) Value(ctx context.Context, query string) (string, error) {
	var value string
	err := db.Reading(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err says it
		got, err := Texts(rows, 2)
		if err != nil {
			return err
		}
		if len(got.Rows) != 1 || len(got.Rows[0]) != 1 {
			return fmt.Errorf("%d rows of %d columns instead of one value", len(got.Rows), len(got.Columns))
		}
		value = got.Rows[0][0].String
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("query %q: %w", Short(query), Explain(err))
	}
	return value, nil
}

// Reading runs work in a transaction that can write nothing and is rolled back.
func (db *DB) Reading(ctx context.Context, work func(*sql.Tx) error) error {
	tx, err := db.Pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it only read
	return work(tx)
}

// Proves tells whether a query answers as expected; nil expects nothing.
func (db *DB) Proves(ctx context.Context, e *manifest.Expects) error {
	if e == nil {
		return nil
	}
	got, err := db.Value(ctx, e.Query)
	if err != nil {
		return err
	}
	if got != e.Value {
		return fmt.Errorf("%q answers %q, not %q", Short(e.Query), Short(got), e.Value)
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

// Short bounds a text for a message and puts it on one line.
func Short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 160 {
		return string(r[:160]) + "..."
	}
	return s
}
