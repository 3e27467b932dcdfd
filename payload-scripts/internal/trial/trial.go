// Package trial takes the migrations of a jump there and back on a copy of a database,
// for the release engineer (measure) and on the customer's machine (rehearsal). It
// promises nothing about the copy afterwards: the caller throws it away.
package trial

import (
	"context"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/dump"
	"onerpm/payload-scripts/internal/migration"
	"onerpm/payload-scripts/internal/scratch"
)

// Stage is a part of the way.
type Stage int

// The stages, in order.
const (
	Expand Stage = iota // to what the old release can live with
	Switch              // to the new release
	Back                // to where it began
	Again               // expand and switch once more
)

// Options say how far to go, and what is called on the way.
type Options struct {
	Count bool             // count rows before the way, at its end and after the way back
	Again bool             // go to the new release once more after the way back
	Begin func(what Stage) // is called with which stage begins

	Fill  func(context.Context) error // fills what was expanded with what is copied from elsewhere; nil for nothing
	Empty func(context.Context) error // takes that away before the way back
}

// Result is what was seen.
type Result struct {
	Took   [Again + 1]time.Duration // by stage
	Rows   int64                    // of all tables together, before
	Failed *Failure                 // the stage that did not reach its end; nil when all did

	Back  []string // lines that only one of the schemas before and after the way back has
	Again []string // likewise of the two that the new release would have begun with
	Lost  []string // tables that lost rows
}

// Failure is a stage that did not reach its end.
type Failure struct {
	Stage Stage
	Err   error
}

// state is what a stage leads to.
type state struct {
	schema []string
	rows   []scratch.Table
}

// Run goes the way, as far as it gets. The error is about the trial itself: a
// migration that fails is in the result.
func Run(ctx context.Context, r *migration.Runner, o Options) (*Result, error) {
	start, err := r.Version(ctx)
	if err != nil {
		return nil, err
	}
	result := &Result{}
	before, err := readState(ctx, r, o)
	if err != nil {
		return nil, err
	}
	for _, t := range before.rows {
		result.Rows += t.Rows
	}
	toNew := func() error { return r.Converge(ctx, manifest.New, start) }
	var new state
	for _, leg := range []struct {
		stage Stage
		walk  func() error
	}{
		{Expand, func() error { return r.Expand(ctx) }},
		{Switch, toNew},
		{Back, func() error { return r.Converge(ctx, manifest.Old, start) }},
		{Again, func() error {
			if err := r.Expand(ctx); err != nil {
				return err
			}
			return toNew()
		}},
	} {
		if leg.stage == Again && !o.Again {
			break
		}
		if leg.stage == Back && o.Empty != nil {
			if err := o.Empty(ctx); err != nil {
				return result, err
			}
		}
		o.Begin(leg.stage)
		began := time.Now()
		if err := leg.walk(); err != nil {
			result.Failed = &Failure{leg.stage, err}
			return result, ctx.Err()
		}
		result.Took[leg.stage] = time.Since(began)
		if leg.stage == Expand {
			if o.Fill != nil {
				if err := o.Fill(ctx); err != nil {
					return result, err
				}
			}
			continue
		}
		now, err := readState(ctx, r, o)
		if err != nil {
			return result, err
		}
		switch leg.stage {
		case Switch:
			new = now
			result.Lost = append(result.Lost, lost("the way to the new release", before.rows, now.rows)...)
		case Back:
			result.Back = differences(before.schema, now.schema)
			result.Lost = append(result.Lost, lost("the way there and back", before.rows, now.rows)...)
		case Again:
			result.Again = differences(new.schema, now.schema)
		}
	}
	return result, nil
}

// lookLimit bounds a question about the copy, which counts the rows of whole tables: that takes
// as long as it takes, and is no part of an upgrade.
const lookLimit = 12 * time.Hour

func readState(ctx context.Context, r *migration.Runner, o Options) (s state, err error) {
	defer r.Limit(r.Limit(lookLimit))
	if s.schema, err = dump.Schema(ctx, r.DB); err == nil && o.Count {
		s.rows, err = scratch.Rows(ctx, r.DB)
	}
	return s, err
}
