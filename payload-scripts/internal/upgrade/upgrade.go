package upgrade

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/preflight"
	"onerpm/payload-scripts/internal/progress"
	"onerpm/payload-scripts/internal/service"
)

// How long a database may take to answer. A first engine process just worked
// with it, and while it waits the product may be down: it goes back soon. After a
// restart, of the host maybe, the engine may run before the database; and the way
// back has no other way left.
const (
	firstPatience = 15 * time.Second
	laterPatience = 2 * time.Minute
)

// Upgrade is an attempt that is being worked on: the product's resources, each
// of which can be made old or new, and the journal.
type Upgrade struct {
	bundle   *layout.Bundle // the attempt's own folder, not the RPM's
	places   layout.Places
	attempt  layout.Attempt
	journal  *journal.Journal
	packages *packages.Set
	files    *files.Set
	services *service.Services
	told     *progress.Writer // for those who look on
	probe    *service.Probe   // asks the door from before it is shut until after it is open; nil otherwise
	started  bool             // this process has started the new release's services
	held     *os.File         // while it is open a shutdown waits; nil otherwise
}

// New opens everything the attempt needs; Close ends it.
func New(ctx context.Context, b *layout.Bundle, a layout.Attempt, j *journal.Journal) (*Upgrade, error) {
	s, err := service.Connect(ctx, b.Manifest, b.Places())
	if err != nil {
		return nil, err
	}
	u := &Upgrade{bundle: b, places: b.Places(), attempt: a, journal: j, services: s}
	u.told = progress.NewWriter(u.places.Progress(), a.ID)
	u.packages = &packages.Set{Manifest: b.Manifest, Dir: b.Dir, Var: a.Var, Had: j.Record().Optional, LockWait: b.Settings.LockWait}
	u.files = files.New(b.Manifest, b.Dir, a.Backup(""))
	u.files.Progress = func(path string, bytes int64) { u.told.Tell(path, bytes, 0, "bytes") }
	return u, nil
}

// Close ends what New opened.
func (u *Upgrade) Close() {
	u.told.Step("")
	u.probe.Stop()
	u.letShutdown()
	u.services.Close()
}

// Check runs every check of the host and returns all that was found.
func (u *Upgrade) Check(ctx context.Context) []finding.Finding {
	return Check(ctx, u.bundle, "")
}

// Check runs every check of the host for a bundle and writes nothing. underWay
// says which other upgrade is at work, "" when there is none.
func Check(ctx context.Context, b *layout.Bundle, underWay string) []finding.Finding {
	others := []preflight.Check{
		func(ctx context.Context) []finding.Finding { return doorFindings(ctx, b.Manifest) },
		func(ctx context.Context) []finding.Finding { return checkFiles(ctx, b) },
	}
	if b.Manifest.Agents != nil {
		others = append(others, func(context.Context) []finding.Finding { return agentFindings(b) })
	}
	for _, spec := range b.Manifest.Databases {
		others = append(others, func(ctx context.Context) []finding.Finding { return checkDatabase(ctx, b, spec) })
	}
	needs := []func(context.Context) ([]preflight.Need, error){
		func(ctx context.Context) ([]preflight.Need, error) { return dumps(ctx, b) },
	}
	return preflight.Run(ctx, preflight.Input{Manifest: b.Manifest, Dir: b.Dir, UnderWay: underWay, Others: others, Needs: needs})
}

// dumps tells how large the databases' dumps can become: not larger than the
// databases themselves, as they are compressed. One that cannot be reached is
// a finding of its own.
func dumps(ctx context.Context, b *layout.Bundle) ([]preflight.Need, error) {
	var needs []preflight.Need
	for _, spec := range b.Manifest.Databases {
		db, err := database.Open(ctx, spec, b.Manifest.Prefix, "check", b.Manifest.Limits)
		if err != nil {
			continue
		}
		size, err := db.Count(ctx, "select pg_database_size(current_database())")
		db.Close()
		if err != nil {
			return nil, err
		}
		needs = append(needs, preflight.Need{Path: b.Places().Var(), Bytes: size, What: "dump of the database " + spec.Name})
	}
	return needs, nil
}

func checkDatabase(ctx context.Context, b *layout.Bundle, spec manifest.Database) []finding.Finding {
	db, err := database.Open(ctx, spec, b.Manifest.Prefix, "check", b.Manifest.Limits)
	if err != nil {
		return []finding.Finding{{ID: "database-unreachable", Level: finding.Refuse,
			What: fmt.Sprintf("the database %s cannot be reached: %v", spec.Name, err),
			Do:   "start it, or correct its address and password in " + spec.Connection.File}}
	}
	defer db.Close()
	checks := ""
	if spec.Checks != "" {
		checks = filepath.Join(b.Dir, spec.Checks)
	}
	return db.Check(ctx, checks)
}

// patience is how long to wait for a database now.
func (u *Upgrade) patience() time.Duration {
	if r := u.journal.Record(); r.Back || r.Starts > 1 {
		return laterPatience
	}
	return firstPatience
}

// withDatabase opens a database for one piece of work, with patience.
func (u *Upgrade) withDatabase(ctx context.Context, spec manifest.Database, work func(*database.DB) error) error {
	deadline := time.Now().Add(u.patience())
	for {
		db, err := database.Open(ctx, spec, u.bundle.Manifest.Prefix, u.attempt.ID, u.bundle.Manifest.Limits)
		if err == nil {
			defer db.Close()
			db.Progress = func(what string, done, total int64) { u.told.Tell(what, done, total, "rows") }
			return work(db)
		}
		if time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (u *Upgrade) databaseOf(name string) (manifest.Database, error) {
	for _, d := range u.bundle.Manifest.Databases {
		if name == "" || d.Name == name {
			return d, nil
		}
	}
	return manifest.Database{}, fmt.Errorf("the manifest names no database %q", name)
}

func (u *Upgrade) inRun(path string) string { return filepath.Join(u.bundle.Dir, path) }
