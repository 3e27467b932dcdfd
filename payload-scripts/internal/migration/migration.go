// Package migration brings the schema of a database to one of the two sides by the
// goose SQL files of a folder. It promises that each migration happens whole or not at
// all; that going back leaves the schema as it was found and loses no row; that
// no statement waits for a lock longer than the limit; and that what it reports as
// done was looked up in the database afterwards.
//
// It keeps its own record, which migrations were applied, in a schema of its own
// (see record.go) beside the product's tables.
package migration

import (
	"context"
	"fmt"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
)

// Runner runs the migrations of one database. It is not safe for concurrent use.
type Runner struct {
	*database.DB
	Dir string // of the migrations

	// Progress, when set, is called with how far a long piece of work is; it may be
	// called often. Done and total are rows, total an estimate.
	Progress func(what string, done, total int64)

	// Migrating, when set, is called with which file is about to be applied or taken
	// back, and with "" that this is over.
	Migrating func(file string, up bool)
}

// Version returns the number of the last migration that was applied, 0 when
// none ever was. It creates nothing.
func (r *Runner) Version(ctx context.Context) (at int64, err error) {
	err = r.RetryLost(ctx, usualAbsence, func() error {
		at, err = r.version(ctx)
		return err
	})
	return at, err
}

func (r *Runner) version(ctx context.Context) (int64, error) {
	applied, err := r.applied(ctx)
	if err != nil || len(applied) == 0 {
		return 0, err
	}
	return applied[len(applied)-1], nil
}

// Expand applies the expand migrations of the folder that are not applied yet,
// fills the rows that were there before them, and proves both. The product
// serves meanwhile.
func (r *Runner) Expand(ctx context.Context) error {
	if r.Spec.Migrations == "" {
		return nil
	}
	r.limit(servingLimit)
	return r.RetryLost(ctx, usualAbsence, func() error { return r.expand(ctx) })
}

func (r *Runner) expand(ctx context.Context) error {
	w, err := r.begin(ctx)
	if err != nil {
		return err
	}
	for w.applied < len(w.list) && !w.list[w.applied].change {
		if err := w.up(ctx, usualPatience); err != nil {
			return err
		}
	}
	if w.switched() == 0 {
		if err := r.backfill(ctx); err != nil {
			return err
		}
		if err := r.Proves(ctx, r.Spec.Expects); err != nil {
			return fmt.Errorf("after the expand migrations the schema is not the old release's any more: %w", err)
		}
	}
	return w.prove(ctx, max(w.applied, w.expands()))
}

// Converge brings the schema to a side and proves it. New applies what is left;
// Old takes back everything after the migration number start, and when nothing
// is left then, our own schema goes too. Old is proved without migrations, too: the
// new release may have changed the schema by itself when it was started.
func (r *Runner) Converge(ctx context.Context, side manifest.Side, start int64) error {
	if r.Spec.Migrations == "" {
		if side == manifest.Old {
			return r.provesOld(ctx)
		}
		return nil
	}
	r.limit(windowLimit)
	absence := windowAbsence
	if side == manifest.Old {
		absence = returnAbsence
	}
	return r.RetryLost(ctx, absence, func() error {
		w, err := r.begin(ctx)
		if err != nil {
			return err
		}
		if side == manifest.Old {
			return w.toOld(ctx, start)
		}
		return w.toNew(ctx)
	})
}

func (r *Runner) provesOld(ctx context.Context) error {
	if err := r.Proves(ctx, r.Spec.Expects); err != nil {
		return fmt.Errorf("after going back the schema is not the old release's (the dump in the attempt's backup has it as it was): %w", err)
	}
	return nil
}

func (w *work) toNew(ctx context.Context) error {
	for w.applied < len(w.list) {
		if w.list[w.applied].change && w.switched() == 0 {
			if err := w.r.fillRest(ctx); err != nil {
				return err
			}
		}
		if err := w.up(ctx, windowPatience); err != nil {
			return err
		}
	}
	if err := w.r.dropLeftIndexes(ctx, windowPatience, false); err != nil {
		return err
	}
	if err := w.r.Proves(ctx, w.r.Spec.Becomes); err != nil {
		return fmt.Errorf("after the migrations the schema is not the new release's: %w", err)
	}
	return w.prove(ctx, len(w.list))
}

func (w *work) toOld(ctx context.Context, start int64) error {
	keep := 0
	for keep < w.applied && w.list[keep].number <= start {
		keep++
	}
	for w.applied > keep {
		if err := w.down(ctx); err != nil {
			return err
		}
	}
	if err := w.dropUnrecorded(ctx); err != nil {
		return err
	}
	if err := w.r.dropLeftIndexes(ctx, returnPatience, true); err != nil {
		return err
	}
	if at, err := w.r.version(ctx); err != nil {
		return err
	} else if at != start {
		return fmt.Errorf("the schema is at migration %d, not at %d where it started, and this bundle has no way between them", at, start)
	}
	if start == 0 {
		if err := w.r.dropRecord(ctx); err != nil {
			return err
		}
	}
	if err := w.r.provesOld(ctx); err != nil {
		return err
	}
	return w.proveApplied(ctx, keep) // an invalid index that somebody else left must not stop the way back
}
