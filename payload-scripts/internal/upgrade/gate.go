package upgrade

import (
	"context"
	"fmt"
	"log/slog"

	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/hostcheck"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/line"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/systemd"
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

// gate is the attempt's own look at the host before anything is changed.
type gate struct {
	*job.Job
	packages *packages.Set
}

func (g *gate) preflight(ctx context.Context) error {
	// Any start may be a boot's, also the first: power can fail when the attempt has its unit and has not begun.
	if err := systemd.AwaitBoot(ctx); err != nil {
		return err
	}
	optional, err := g.packages.Optional(ctx)
	if err != nil {
		return err
	}
	g.packages.Had = optional
	if err := g.Journal.Update(func(r *journal.Record) { r.Optional = optional }); err != nil {
		return err
	}
	rec := g.Journal.Record()
	findings := hostcheck.Check(ctx, g.Bundle, hostcheck.Options{Copying: rec.HasStep(copyStores), EarlyCame: rec.Early, Starting: true})
	var warnings []string
	isRefused := false
	for _, f := range findings {
		if f.Level == finding.Note {
			slog.Info("noted", "id", f.ID, "what", f.What)
			continue
		}
		isRefused = isRefused || f.Level == finding.Refuse
		warnings = append(warnings, f.ID+": "+f.What)
	}
	if err := g.Journal.Update(func(r *journal.Record) { r.Warnings = warnings }); err != nil {
		return err
	}
	if isRefused {
		return &RefusedError{Findings: findings}
	}
	return nil
}
