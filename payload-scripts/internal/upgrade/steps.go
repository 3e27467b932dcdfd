package upgrade

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/packages"
)

// RefusedError is a preflight that found something in the way. Nothing was changed.
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

func (u *Upgrade) waitForLocks(ctx context.Context) error { return u.packages.WaitFree(ctx) }

func (u *Upgrade) preflight(ctx context.Context) error {
	optional, err := u.packages.Optional(ctx)
	if err != nil {
		return err
	}
	if err := u.journal.Update(func(r *journal.Record) { r.Optional = optional }); err != nil {
		return err
	}
	u.packages.Had = optional
	findings := u.Check(ctx)
	var warnings []string
	refused := false
	for _, f := range findings {
		refused = refused || f.Level == finding.Refuse
		warnings = append(warnings, f.ID+": "+f.What)
	}
	if err := u.journal.Update(func(r *journal.Record) { r.Warnings = warnings }); err != nil {
		return err
	}
	if refused {
		return &RefusedError{Findings: findings}
	}
	return nil
}

func (u *Upgrade) recordServices(ctx context.Context) error {
	active, err := u.services.Active(ctx)
	if err != nil {
		return err
	}
	enabled, err := u.services.Enabled(ctx)
	if err != nil {
		return err
	}
	return u.journal.Update(func(r *journal.Record) { r.Active, r.Enabled = active, enabled })
}

func (u *Upgrade) backupFiles(ctx context.Context) error {
	if err := addPackaged(u.files, u.bundle, u.packages); err != nil {
		return err
	}
	if err := u.files.Prepare(ctx); err != nil {
		return err
	}
	return u.files.SaveState(ctx)
}

func (u *Upgrade) saveState(ctx context.Context) error { return u.files.SaveState(ctx) }

// backupPackages saves the packages' files that this host changed, and rpm's database.
func (u *Upgrade) backupPackages(ctx context.Context) error {
	own, err := u.packages.Record(ctx)
	if err != nil {
		return err
	}
	slog.Info("files of packages that are this host's own", "paths", own)
	return u.packages.Backup(ctx, u.attempt.Backup("rpmdb"))
}

func (u *Upgrade) backupDatabases(ctx context.Context) error {
	for _, spec := range u.bundle.Manifest.Databases {
		err := u.withDatabase(ctx, spec, func(db *database.DB) error {
			if u.journal.Record().Starts > 1 { // a killed engine's sessions live on and may still commit
				if err := db.Terminate(ctx); err != nil {
					return err
				}
			}
			return db.Dump(ctx, u.attempt.Backup(spec.Name+".dump"))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// expandSchema notes where the schema stands, then runs the migrations that the
// old release can live with. The note is durable before anything is changed,
// and is kept when prepare starts over.
func (u *Upgrade) expandSchema(ctx context.Context) error {
	for _, spec := range u.bundle.Manifest.Databases {
		err := u.withDatabase(ctx, spec, func(db *database.DB) error {
			if _, known := u.journal.Record().Schema[spec.Name]; !known {
				at, err := db.Version(ctx)
				if err != nil {
					return err
				}
				err = u.journal.Update(func(r *journal.Record) {
					if r.Schema == nil {
						r.Schema = map[string]int64{}
					}
					r.Schema[spec.Name] = at
				})
				if err != nil {
					return err
				}
			}
			return db.Expand(ctx, u.inRun(spec.Migrations))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (u *Upgrade) drain(ctx context.Context) error {
	for _, s := range u.bundle.Manifest.Services {
		if s.Drain == nil {
			continue
		}
		if err := u.drainOne(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (u *Upgrade) drainOne(ctx context.Context, s manifest.Service) error {
	spec, err := u.databaseOf(s.Drain.Database)
	if err != nil {
		return err
	}
	return u.withDatabase(ctx, spec, func(db *database.DB) error {
		deadline := time.Now().Add(s.Drain.Within.D())
		for {
			left, err := db.Count(ctx, s.Drain.Query)
			if err != nil || left == 0 {
				return err
			}
			if time.Now().After(deadline) {
				if s.Drain.Else == "proceed" {
					return u.warn(fmt.Sprintf("%s still had %d things under way after %s and was stopped all the same", s.Unit, left, s.Drain.Within.D()))
				}
				return fmt.Errorf("%s still has %d things under way after %s; wait for them or cancel them, then start again", s.Unit, left, s.Drain.Within.D())
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(250 * time.Millisecond):
			}
		}
	})
}

func (u *Upgrade) markWindow(ctx context.Context) error {
	u.holdOffShutdown(ctx)
	return u.services.MarkWindow(ctx)
}

// markWindowBack marks it for the way back too, where a mark that cannot be written is
// no reason to stay half way: it matters only when the power fails meanwhile.
func (u *Upgrade) markWindowBack(ctx context.Context) error {
	if err := u.services.MarkWindow(ctx); err != nil {
		if ctx.Err() != nil {
			return err
		}
		slog.Warn("going back without the marks that keep units down over a reboot", "error", err)
	}
	return nil
}

func (u *Upgrade) stopServices(ctx context.Context) error { return u.services.Stop(ctx) }

func (u *Upgrade) packagesToNew(ctx context.Context) error { return u.packagesTo(ctx, manifest.New) }
func (u *Upgrade) packagesToOld(ctx context.Context) error { return u.packagesTo(ctx, manifest.Old) }
func (u *Upgrade) filesToNew(ctx context.Context) error    { return u.filesTo(ctx, manifest.New) }
func (u *Upgrade) filesToOld(ctx context.Context) error    { return u.filesTo(ctx, manifest.Old) }
func (u *Upgrade) schemaToNew(ctx context.Context) error   { return u.schemaTo(ctx, manifest.New) }
func (u *Upgrade) schemaToOld(ctx context.Context) error   { return u.schemaTo(ctx, manifest.Old) }

func (u *Upgrade) progress(p packages.Progress) {
	u.told.Tell("rpm: "+p.Package, int64(p.Percent), 100, "percent")
	if p.Percent == 0 {
		host.Point("rpm at work", p.Package)
	}
}

func (u *Upgrade) packagesTo(ctx context.Context, side manifest.Side) error {
	u.packages.Had = u.journal.Record().Optional
	return u.packages.Converge(ctx, side, packages.Options{Progress: u.progress})
}

func (u *Upgrade) filesTo(ctx context.Context, side manifest.Side) error {
	if err := u.services.Retire(ctx, side); err != nil {
		return err
	}
	if err := u.files.Converge(ctx, side); err != nil {
		return err
	}
	u.logFiles(side)
	if err := u.services.Reload(ctx); err != nil {
		return err
	}
	return u.services.Adopt(ctx, side, u.journal.Record().Enabled)
}

func (u *Upgrade) schemaTo(ctx context.Context, side manifest.Side) error {
	start := u.journal.Record().Schema
	for _, spec := range u.bundle.Manifest.Databases {
		at, known := start[spec.Name]
		if !known && side == manifest.Old {
			continue // the attempt never came to this schema
		}
		err := u.withDatabase(ctx, spec, func(db *database.DB) error {
			if side == manifest.Old {
				if err := db.Terminate(ctx); err != nil {
					return err
				}
			}
			return db.Converge(ctx, side, u.inRun(spec.Migrations), at)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (u *Upgrade) startNew(ctx context.Context) error {
	if err := u.services.Start(ctx, manifest.New, u.journal.Record().Active); err != nil {
		return err
	}
	u.started = true
	return nil
}

// startAgain is for an engine that carries on after the commit and has started nothing itself.
func (u *Upgrade) startAgain(ctx context.Context) error {
	if u.started {
		return nil
	}
	return u.startNew(ctx)
}

func (u *Upgrade) startOld(ctx context.Context) error {
	return u.services.Start(ctx, manifest.Old, u.journal.Record().Active)
}

// awaitOld is for an engine that carries on, perhaps after a boot: the first one has seen no service stop. It
// never fails a way back that has nothing left to do: a product that does not serve is told as a warning.
func (u *Upgrade) awaitOld(ctx context.Context) error {
	if u.journal.Record().Starts == 1 {
		return nil
	}
	err := u.services.Await(ctx, manifest.Old, u.journal.Record().Active)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return u.written(u.warn("the upgrade has stopped no service, and one is not well: " + err.Error()))
}

func (u *Upgrade) unmark(ctx context.Context) error {
	u.letShutdown()
	if err := os.RemoveAll(u.attempt.RollbackRequest()); err != nil {
		return err
	}
	return u.services.Unmark(ctx)
}

// markPackages never fails an upgrade that serves already: it is told as a warning.
func (u *Upgrade) markPackages(ctx context.Context) error {
	err := u.packages.MarkUserInstalled(ctx)
	if err == nil {
		return nil
	}
	return u.journal.Update(func(r *journal.Record) {
		r.Warnings = append(r.Warnings, "the new packages could not be marked as installed by the user: "+err.Error())
	})
}
