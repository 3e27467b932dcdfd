package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/plan"
	"onerpm/internal/manifest"
	"onerpm/payload-scripts/measure"
)

// DatabaseOptions say where a jump's migrations are tried.
type DatabaseOptions struct {
	DSN  string // a PostgreSQL database that is copied; "" tries none
	Dump string // file the copy is made of instead
	Name string // which database of the spec it is; "" when the spec has one
}

func databaseFlags(o *DatabaseOptions) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "database", Usage: "try the migrations on a copy of the PostgreSQL database `DSN`; a password comes from PGPASSWORD or ~/.pgpass", Destination: &o.DSN},
		&cli.StringFlag{Name: "dump", Usage: "make the copy of this `FILE` (pg_dump's custom format or SQL), on the server of --database", Destination: &o.Dump},
		&cli.StringFlag{Name: "database-name", Usage: "the `NAME` it has in the spec, when that has several", Destination: &o.Name},
	}
}

func (o DatabaseOptions) validate(jump string) error {
	switch {
	case o.DSN == "" && (o.Dump != "" || o.Name != ""):
		return exit.Errorf(exit.Usage, "name the server to try them on: --database DSN", "--dump and --database-name need --database")
	case o.DSN != "" && jump == "":
		return exit.Errorf(exit.Usage, "run bundler check JUMP --database DSN", "--database needs a jump")
	}
	return nil
}

// tryMigrations tries the jump's migrations. The error has the mistakes in them.
func tryMigrations(ctx context.Context, s *streams, p *plan.Plan, o DatabaseOptions) (*measure.Result, error) {
	spec, err := databaseOf(p, o.Name)
	if err != nil {
		return nil, err
	}
	files := p.Spec.Migrations[spec.Name]
	folder := spec.Migrations
	spec.Migrations = filepath.Join(p.Spec.Dir, folder)
	if spec.Checks != "" {
		spec.Checks = filepath.Join(p.Spec.Dir, spec.Checks)
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the engine's own words are for a host's log
	r, err := measure.Run(ctx, measure.Options{DSN: o.DSN, Dump: o.Dump, Prefix: p.Product.Prefix, Database: spec, Limits: p.Spec.Limits,
		Note: func(what string) { _, _ = fmt.Fprintf(s.err, "database: %s\n", what) }})
	var unusable *measure.NotUsableError
	switch {
	case errors.As(err, &unusable):
		return r, exit.With(exit.Usage, err, unusable.Do)
	case err != nil:
		return r, err
	}
	var found mistake.List
	for _, m := range r.Mistakes {
		at := mistake.Mistake{File: "specs/" + p.Jump + "/" + folder, Line: m.Line, What: m.What, Allowed: m.Do}
		for _, f := range files {
			if m.File == filepath.Base(f.File) {
				at.File = f.File
			}
		}
		found = append(found, at)
	}
	return r, exit.With(exit.Spec, found.Err(), "")
}

// databaseOf returns the spec's database of that name, or its only one.
func databaseOf(p *plan.Plan, name string) (manifest.Database, error) {
	var names []string
	for _, db := range p.Spec.Databases {
		if db.Migrations != "" {
			names = append(names, db.Name)
		}
	}
	if name == "" && len(names) == 1 {
		name = names[0]
	}
	i := slices.IndexFunc(p.Spec.Databases, func(db manifest.Database) bool { return db.Name == name && db.Migrations != "" })
	switch {
	case len(names) == 0:
		return manifest.Database{}, exit.Errorf(exit.Usage, "", "%s has no migrations", p.Jump)
	case i < 0:
		return manifest.Database{}, exit.Errorf(exit.Usage, "choose one with --database-name: "+strings.Join(names, ", "), "which database of %s it is must be said", p.Jump)
	}
	return p.Spec.Databases[i], nil
}

// migrationsText tells what each statement did to tables that were there before the jump.
func migrationsText(r *measure.Result) string {
	var b strings.Builder
	if len(r.Mistakes) == 0 {
		fmt.Fprintf(&b, "database %s: %s went up, down and up again on a copy (PostgreSQL %s); the schema comes back\n", r.Database, plural(len(r.Statements), "statement"), r.Server)
	}
	var rows [][]string
	for _, st := range r.Statements {
		var did []string
		for _, l := range st.Locks {
			did = append(did, "locks "+l.Table+" ("+strings.TrimSuffix(l.Mode, "Lock")+")")
		}
		for _, t := range st.Scanned {
			did = append(did, "reads "+t)
		}
		for _, t := range st.Rewritten {
			did = append(did, "rewrites "+t)
		}
		if st.Unknown {
			did = append(did, "outside a transaction")
		}
		way := "up"
		if st.Down {
			way = "down"
		}
		rows = append(rows, []string{st.File, way, st.Took.Round(100 * time.Microsecond).String(), strings.Join(did, ", ")})
	}
	return b.String() + table("  ", rows)
}
