// Package job is what every resource of an attempt works with: the bundle, the attempt's folders, its
// journal, and what is reported to those who look on. It knows none of the resources.
package job

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/progress"
	"onerpm/payload-scripts/internal/rpm"
)

// Job is an attempt as its resources see it.
type Job struct {
	Bundle   *layout.Bundle // the attempt's own folder, not the RPM's
	Attempt  layout.Attempt
	Journal  *journal.Journal
	Progress *progress.Writer // for those who look on
}

// Manifest is that of the bundle.
func (j *Job) Manifest() *manifest.Manifest { return j.Bundle.Manifest }

// InRun is where a file of the bundle is.
func (j *Job) InRun(path string) string { return filepath.Join(j.Bundle.Dir, path) }

// Warn notes what a person should know and nothing fails for.
func (j *Job) Warn(what string) error {
	slog.Warn(what)
	return j.Journal.Update(func(r *journal.Record) {
		if !slices.Contains(r.Warnings, what) { // a step that is done again warns again
			r.Warnings = append(r.Warnings, what)
		}
	})
}

// RPMAt tells those who look on how far rpm is.
func (j *Job) RPMAt(at rpm.Progress) {
	j.Progress.Tell("rpm: "+at.Package, int64(at.Percent), 100, "percent")
	if at.Percent == 0 {
		host.Point("rpm at work", at.Package)
	}
}

// Pause waits; the error is that of ctx when it ends first.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
