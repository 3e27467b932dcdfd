// Package measure tries the migrations of a jump, for a release engineer, on a copy
// of a database: by the engine's own code they go up, down and up again. It tells
// what each statement locks, reads from end to end and rewrites, and whether the schema is after the way
// back what it was before.
//
// The database that the copy is made of is not changed. The copy lies beside it, is
// named after the product's prefix, and is gone afterwards; one that a killed run left is
// removed by the next.
package measure

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/dump"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/migration"
)

// Options say what to try, and where.
type Options struct {
	DSN      string            // a database, as PostgreSQL's programs take it; of whatever it leaves out PGPASSWORD and its like decide
	Dump     string            // file that the copy is made of, in pg_dump's custom format or SQL; "" copies the DSN's database
	Prefix   string            // of the product
	Database manifest.Database // of the jump; Checks and Migrations are paths on this machine
	Limits   manifest.Limits
	Note     func(what string) // is called with what begins
}

// Result is what was seen.
type Result struct {
	Database   string            `json:"database"` // its name in the spec
	Server     string            `json:"server"`   // PostgreSQL's version
	Findings   []finding.Finding `json:"findings"` // of the checks that every upgrade makes, the jump's own too
	Statements []Statement       `json:"statements"`
	Mistakes   []Mistake         `json:"mistakes"`
}

// Mistake is something that would hurt on a host.
type Mistake struct {
	File string `json:"file"` // name of the migration, "" when the jump as a whole is meant
	Line int    `json:"line"` // from 1; 0 when it is not known
	What string `json:"what"`
	Do   string `json:"do,omitempty"`
}

// NotUsableError is a database that cannot be copied, or not be upgraded.
type NotUsableError struct {
	Err error
	Do  string // what to do about it
}

func (e *NotUsableError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *NotUsableError) Unwrap() error { return e.Err }

// dropLimit bounds the removal of the copy.
const dropLimit = time.Minute

// Run makes the copy and tries the migrations on it. What is wrong with the
// migrations is in the result; an error means that they could not be tried.
func Run(ctx context.Context, o Options) (r *Result, err error) {
	config, err := pgx.ParseConfig(o.DSN)
	if err != nil {
		return nil, &NotUsableError{errors.New("the address of the database cannot be read"), // the error itself may show the password
			`write it as "host=... port=... dbname=... user=..." or as postgres://user@host:port/dbname, with the password in PGPASSWORD or ~/.pgpass`}
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, &NotUsableError{fmt.Errorf("connect to database %s on %s as %s: %w", config.Database, config.Host, config.User, err), "start it, or correct the address"}
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is left to be told
	t := &copied{Options: o, config: config, name: o.scratchName()}
	o.Note("copy the database")
	if err := t.create(ctx, conn); err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, t.drop(context.WithoutCancel(ctx), conn))
	}()
	return t.run(ctx)
}

// scratchName is the copy's: the same every time.
func (o Options) scratchName() string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(o.Prefix+"_check_"+o.Database.Name))
}

// copied is one run, on the copy.
type copied struct {
	Options
	config *pgx.ConnConfig // of the database that is copied
	name   string          // of the copy
	watch  watcher
	rows   map[string]int64 // of the tables that were there before the jump, estimated
}

func (t *copied) create(ctx context.Context, conn *pgx.Conn) error {
	copied, name := pgx.Identifier{t.config.Database}.Sanitize(), pgx.Identifier{t.name}.Sanitize()
	if t.config.Database == t.name {
		return &NotUsableError{fmt.Errorf("database %s is the name of the copy", t.name), "name another database"}
	}
	how := "TEMPLATE " + copied
	if t.Dump != "" {
		how = "TEMPLATE template0 ENCODING 'UTF8'"
	}
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + name, "CREATE DATABASE " + name + " " + how} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return &NotUsableError{fmt.Errorf("make a copy of database %s: %w", t.config.Database, err),
				"nobody else may use the database or its copy meanwhile, and its user needs the right to create databases; or give a dump of it"}
		}
	}
	return nil
}

func (t *copied) drop(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, dropLimit)
	defer cancel()
	name := pgx.Identifier{t.name}.Sanitize()
	_, err := conn.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", t.name)
	if err == nil {
		_, err = conn.Exec(ctx, "DROP DATABASE "+name)
	}
	if err != nil {
		return fmt.Errorf("remove the copy, database %s: %w", t.name, err)
	}
	return nil
}

func (t *copied) run(ctx context.Context) (*Result, error) {
	own, err := database.OpenAt(ctx, t.Database, t.address(), t.Prefix, "load", t.Limits)
	if err != nil {
		return nil, err
	}
	defer own.Close()
	if t.Dump != "" {
		t.Note("load the dump")
		if err := dump.Load(ctx, own, t.Dump); err != nil {
			do := "load it by hand to see why; a dump made with --no-owner --no-privileges needs no roles"
			if unfit := (*dump.UnfitError)(nil); errors.As(err, &unfit) {
				do = unfit.Do
			}
			return nil, &NotUsableError{err, do}
		}
	}
	t.watch.dir = t.Database.Migrations
	if err := t.remember(ctx); err != nil {
		return nil, err
	}
	db, err := database.OpenTraced(ctx, t.Database, t.address(), t.Prefix, "check", t.Limits, &t.watch)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return t.judge(ctx, &migration.Runner{DB: db, Dir: t.Database.Migrations, Migrating: t.watch.migrating})
}

// address is where the copy is.
func (t *copied) address() connection.Address {
	return connection.Address{Host: t.config.Host, Port: t.config.Port, Database: t.name, User: t.config.User, Password: t.config.Password}
}

// remember notes which tables are there before the jump, and how large they are.
func (t *copied) remember(ctx context.Context) error {
	config := t.config.Copy()
	config.Database = t.name
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it only read
	if _, err := conn.Exec(ctx, "ANALYZE"); err != nil {
		return err
	}
	tables, err := tablesByOID(ctx, conn)
	if err != nil {
		return err
	}
	t.watch.known, t.rows = map[int64]bool{}, map[string]int64{}
	for oid, table := range tables {
		t.watch.known[oid] = true
		t.rows[table.name] = table.rows
	}
	return nil
}
