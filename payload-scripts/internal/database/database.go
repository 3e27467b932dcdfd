// Package database opens the sessions in which the engine works with a product's
// PostgreSQL database, and asks it questions. It promises that what a session reports
// as done outlives a crash of the server, whatever the role's settings are; that every
// statement has a limit, and another one for its wait for locks; that none waits for a
// synchronous standby; and that no password reaches an error, a log, an argument list
// or an environment.
package database

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/manifest"
)

const maxApplicationName = 63 // PostgreSQL cuts longer ones (NAMEDATALEN-1)

// DB is one database of the product, open for one attempt. It is not safe for
// concurrent use.
type DB struct {
	Spec   manifest.Database
	Limits manifest.Limits
	Schema string  // the engine's own schema in it
	Name   string  // application_name of its sessions
	Pool   *sql.DB // its sessions

	to     connection.Address
	family string        // application_name of every session of this attempt, without the part that is this process's own
	lock   time.Duration // every statement waits for a lock at most as long
	limit  time.Duration // and takes at most as long
	config *pgx.ConnConfig

	renewed int // how often Renew was called
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
func OpenAt(ctx context.Context, spec manifest.Database, to connection.Address, prefix, attempt string, limits manifest.Limits) (*DB, error) {
	return OpenTraced(ctx, spec, to, prefix, attempt, limits, nil)
}

// OpenTraced is OpenAt with a tracer of every statement, nil for none.
func OpenTraced(ctx context.Context, spec manifest.Database, to connection.Address, prefix, attempt string, limits manifest.Limits, tracer pgx.QueryTracer) (*DB, error) {
	db := &DB{Spec: spec, Limits: limits, to: to, Schema: schemaName(prefix), family: prefix + " " + attempt, limit: questionLimit}
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

// OpenCopy opens the same kind of sessions in another server's database, which has its
// socket in a folder and asks for no password: in a copy of this one.
func (db *DB) OpenCopy(ctx context.Context, socket, user, name string) (*DB, error) {
	beside := &DB{Spec: db.Spec, Limits: db.Limits, to: connection.Address{Host: socket, Port: 5432, Database: name, User: user},
		Schema: db.Schema, family: db.family, Name: db.Name, lock: db.lock, limit: questionLimit}
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
