package upgrade

import (
	"context"
	"fmt"
	"path/filepath"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/dbcheck"
	"onerpm/payload-scripts/internal/dbroom"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/line"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/preflight"
)

// RefusedError is a preflight that found something in the way.
type RefusedError struct{ Findings []finding.Finding }

func (e *RefusedError) Error() string {
	first := ""
	count := 0
	for _, f := range e.Findings {
		if f.Level != finding.Refuse {
			continue
		}
		if count++; first == "" {
			first = f.What + "; " + f.Do
		}
	}
	if count > 1 {
		return fmt.Sprintf("%s (and %d more)", first, count-1)
	}
	return first
}

// Unwrap makes it the line's refusal.
func (e *RefusedError) Unwrap() error { return line.ErrRefused }

// Check runs every check of the host for a bundle and writes nothing. underWay
// says which other upgrade is at work, "" when there is none.
func Check(ctx context.Context, b *layout.Bundle, underWay string) []finding.Finding {
	others := []preflight.Check{
		func(ctx context.Context) []finding.Finding { return doorFindings(ctx, b.Manifest) },
		func(ctx context.Context) []finding.Finding { return checkFiles(ctx, b) },
		func(ctx context.Context) []finding.Finding { return verifyFindings(ctx, b) },
	}
	if b.Manifest.Agents != nil {
		others = append(others, func(context.Context) []finding.Finding { return agentFindings(b) })
	}
	for _, spec := range b.Manifest.Databases {
		others = append(others, func(ctx context.Context) []finding.Finding { return checkDatabase(ctx, b, spec) })
	}
	needs := []func(context.Context) ([]preflight.Need, error){
		func(ctx context.Context) ([]preflight.Need, error) { return databaseRoom(ctx, b) },
	}
	return preflight.Run(ctx, preflight.Input{Manifest: b.Manifest, Dir: b.Dir, UnderWay: underWay, Others: others, Needs: needs})
}

// databaseRoom tells what the databases' dumps and migrations take. A dump is not larger
// than its database, as it is compressed. One that cannot be reached is a finding of its own.
func databaseRoom(ctx context.Context, b *layout.Bundle) ([]preflight.Need, error) {
	var needs []preflight.Need
	for _, spec := range b.Manifest.Databases {
		db, err := database.Open(ctx, spec, b.Manifest.Prefix, "check", b.Manifest.Limits)
		if err != nil {
			continue
		}
		more, err := roomOf(ctx, b, db)
		db.Close()
		if err != nil {
			return nil, fmt.Errorf("database %s: %w", spec.Name, err)
		}
		needs = append(needs, more...)
	}
	return needs, nil
}

func roomOf(ctx context.Context, b *layout.Bundle, db *database.DB) ([]preflight.Need, error) {
	size, err := db.Count(ctx, "select pg_database_size(current_database())")
	if err != nil {
		return nil, err
	}
	needs := []preflight.Need{{Path: b.Places().Var(), Bytes: size, What: "dump of the database " + db.Spec.Name}}
	migrations := ""
	if db.Spec.Migrations != "" {
		migrations = filepath.Join(b.Dir, db.Spec.Migrations)
	}
	taken, err := dbroom.Needs(ctx, db, migrations)
	for _, n := range taken {
		needs = append(needs, preflight.Need{Path: n.Path, Bytes: n.Bytes, What: n.What + " in the database " + db.Spec.Name})
	}
	return needs, err
}

func checkDatabase(ctx context.Context, b *layout.Bundle, spec manifest.Database) []finding.Finding {
	db, err := database.Open(ctx, spec, b.Manifest.Prefix, "check", b.Manifest.Limits)
	if err != nil {
		return []finding.Finding{{ID: "database-unreachable", Level: finding.Refuse,
			What: fmt.Sprintf("the database %s cannot be reached: %v", spec.Name, err),
			Do:   "start it, or correct its address and password in " + spec.Connection.File}}
	}
	defer db.Close()
	files := dbcheck.Files{}
	if spec.Checks != "" {
		files.Checks = filepath.Join(b.Dir, spec.Checks)
	}
	if spec.Migrations != "" {
		files.Migrations = filepath.Join(b.Dir, spec.Migrations)
	}
	return dbcheck.Run(ctx, db, files)
}

// gate is the attempt's own look at the host before anything is changed.
type gate struct {
	*job
	packages *packages.Set
}

func (g *gate) preflight(ctx context.Context) error {
	optional, err := g.packages.Optional(ctx)
	if err != nil {
		return err
	}
	g.packages.Had = optional
	if err := g.journal.Update(func(r *journal.Record) { r.Optional = optional }); err != nil {
		return err
	}
	findings := Check(ctx, g.bundle, "")
	var warnings []string
	isRefused := false
	for _, f := range findings {
		isRefused = isRefused || f.Level == finding.Refuse
		warnings = append(warnings, f.ID+": "+f.What)
	}
	if err := g.journal.Update(func(r *journal.Record) { r.Warnings = warnings }); err != nil {
		return err
	}
	if isRefused {
		return &RefusedError{Findings: findings}
	}
	return nil
}
