package database

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	connectTimeout     = 10 * time.Second
	defaultLockTimeout = 3 * time.Second
	questionLimit      = time.Minute // of a statement, unless Limit says otherwise
)

// sessionSettings are what the engine's sessions have, whatever the server, the
// database or the role has. What a server does not know yet is left out.
//
// synchronous_commit: with off, PostgreSQL says of a commit that it is done and forgets
// it in a crash. With on, a commit also waits for the synchronous standby, without end
// when that is away. With local, it is durable on the server itself, and waits for
// nobody.
const sessionSettings = `SELECT pg_catalog.set_config(s.name, w.value, false)
	FROM pg_catalog.pg_settings s JOIN (VALUES
		('synchronous_commit', 'local'),
		('idle_in_transaction_session_timeout', '0'),
		('idle_session_timeout', '0'),
		('transaction_timeout', '0'),
		('default_transaction_isolation', 'read committed'),
		('default_transaction_read_only', 'off'),
		('default_transaction_deferrable', 'off'),
		('standard_conforming_strings', 'on'),
		('DateStyle', 'ISO, MDY'),
		('IntervalStyle', 'postgres'),
		('bytea_output', 'hex')
	) w (name, value) ON w.name = s.name`

// connect opens the sessions of a DB that has everything but them.
func (db *DB) connect(ctx context.Context, tracer pgx.QueryTracer) error {
	var err error
	if db.config, err = db.clientConfig(); err != nil {
		return err
	}
	db.config.Tracer = tracer
	db.Pool = stdlib.OpenDB(*db.config, stdlib.OptionAfterConnect(db.configureSession), stdlib.OptionResetSession(db.resetSession))
	db.Pool.SetMaxOpenConns(2)
	if err := db.Pool.PingContext(ctx); err != nil {
		_ = db.Pool.Close()
		return fmt.Errorf("connect to %s: %w", db.to, Explain(err))
	}
	return nil
}

// clientConfig is the configuration for pgx. Nothing of it comes from the environment.
func (db *DB) clientConfig() (*pgx.ConnConfig, error) {
	quote := func(s string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
	}
	cfg, err := pgx.ParseConfig("sslmode=prefer host=" + quote(db.to.Host) + " port=" + strconv.Itoa(int(db.to.Port)) +
		" dbname=" + quote(db.to.Database) + " user=" + quote(db.to.User) + " passfile=/dev/null")
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", db.to, err)
	}
	cfg.Password = db.to.Password
	cfg.ConnectTimeout = connectTimeout
	cfg.RuntimeParams = map[string]string{ // these go before the role's and the database's
		"application_name":  db.Name,
		"lock_timeout":      milliseconds(db.lock),
		"statement_timeout": milliseconds(questionLimit),
		"client_encoding":   "UTF8",
	}
	return cfg, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// What is noted with a session.
const (
	limitKey   = "statement limit"
	renewedKey = "renewed" // db.renewed when it got its settings
)

// configureSession applies the settings to a new session.
func (db *DB) configureSession(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, sessionSettings); err != nil {
		return fmt.Errorf("settings of the session: %w", err)
	}
	conn.PgConn().CustomData()[renewedKey] = db.renewed
	return db.setLimit(ctx, conn)
}

// resetSession prepares a session that was used before. One that cannot be is replaced.
func (db *DB) resetSession(ctx context.Context, conn *pgx.Conn) error {
	if has := conn.PgConn().CustomData(); has[renewedKey] != db.renewed {
		delete(has, limitKey)
		if _, err := conn.Exec(ctx, "RESET ROLE; RESET ALL"); err != nil || db.configureSession(ctx, conn) != nil {
			return driver.ErrBadConn
		}
		return nil
	}
	if db.setLimit(ctx, conn) != nil {
		return driver.ErrBadConn
	}
	return nil
}

// Renew gives every session its settings again before it is used next: SQL that is not ours
// may have changed them.
func (db *DB) Renew() { db.renewed++ }

// Limit bounds every statement from now on, and returns the limit until now.
func (db *DB) Limit(d time.Duration) (before time.Duration) {
	before, db.limit = db.limit, d
	return before
}

// setLimit makes the limit that of a session which is about to be used.
func (db *DB) setLimit(ctx context.Context, conn *pgx.Conn) error {
	has, want := conn.PgConn().CustomData(), milliseconds(db.limit)
	if has[limitKey] == want {
		return nil
	}
	if _, err := conn.Exec(ctx, "SET statement_timeout = "+want); err != nil {
		return err
	}
	has[limitKey] = want
	return nil
}
