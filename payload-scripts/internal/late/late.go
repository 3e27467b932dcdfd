// Package late erases, after the commit, packages that only the old release had and that had to
// stay until then. It promises that the new release is not touched by it: whatever goes wrong is
// told, noted in the journal, and tried again by the next clean or start.
package late

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/systemd"
)

// Late is what goes late in an attempt.
type Late struct {
	Packages *packages.Set // nil: nothing goes late
	Keep     []string      // folders with its data, which stay until the admin cleans up
	Kept     string        // file in which they are noted for that
	Prefix   string        // of the admin's command
	Journal  *journal.Journal
	Reload   func(context.Context) error // makes systemd read its unit files again
	Options  packages.Options
}

// Of returns what goes late in an attempt with a bundle.
func Of(b *layout.Bundle, a layout.Attempt, j *journal.Journal) *Late {
	return &Late{
		Packages: packages.Late(b.Manifest, a.Run, a.Packages("late"), b.Root),
		Keep:     b.Manifest.Keep, Kept: a.Kept(), Prefix: b.Manifest.Prefix, Journal: j, Reload: systemd.Reload,
	}
}

// Erase erases the packages. It fails only when nothing can be noted, or ctx ends: anything
// else is a warning.
func (l *Late) Erase(ctx context.Context) error {
	if l.Packages == nil {
		return nil
	}
	if err := l.noteKept(); err != nil {
		return err
	}
	err := l.try(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		slog.Error("packages of the old release stay for now", "error", err)
	}
	return l.note(err)
}

// Retry erases what the last upgrade with a bundle should have erased after its commit, and could
// not; nothing when there is no such upgrade, or its journal cannot be read.
func Retry(ctx context.Context, b *layout.Bundle) error {
	a, ok := attempt.Latest(b.Places(), b.Manifest.To)
	if !ok || !attempt.Started(b.Places(), a) {
		return nil
	}
	j, err := journal.Open(a.Var)
	if err != nil {
		return nil //nolint:nilerr // it is not ours to judge
	}
	return Of(b, a, j).Retry(ctx)
}

// Retry tries again what an upgrade that has ended could not do; nothing when there is nothing.
func (l *Late) Retry(ctx context.Context) error {
	if r := l.Journal.Record(); l.Packages == nil || r.Outcome != journal.Upgraded || len(r.Late) == 0 {
		return nil
	}
	if err := l.try(ctx); err != nil {
		return fmt.Errorf("%w; or erase them by hand (rpm -e --noscripts %s), then try again", err, strings.Join(l.names(), " "))
	}
	return l.note(nil)
}

func (l *Late) try(ctx context.Context) error {
	if err := os.MkdirAll(l.Packages.Var, 0o700); err != nil {
		return err
	}
	if err := l.Packages.Converge(ctx, manifest.New, l.Options); err != nil {
		return fmt.Errorf("erase %s: %w", strings.Join(l.names(), ", "), err)
	}
	if err := l.Reload(ctx); err != nil {
		slog.Warn("systemd still knows units of packages that are gone", "error", err)
	}
	return nil
}

func (l *Late) noteKept() error {
	if len(l.Keep) == 0 {
		return nil
	}
	data, err := json.Marshal(l.Keep)
	if err != nil {
		return err
	}
	return host.WriteFile(l.Kept, append(data, '\n'), host.Attr{Mode: 0o600})
}

// note makes durable what is left to do.
func (l *Late) note(failed error) error {
	const told = "packages that are not needed any more are still installed: "
	return l.Journal.Update(func(r *journal.Record) {
		r.Late = nil
		r.Warnings = slices.DeleteFunc(r.Warnings, func(w string) bool { return strings.HasPrefix(w, told) })
		if failed != nil {
			r.Late = l.names()
			r.Warnings = append(r.Warnings, fmt.Sprintf("%s%v; %s clean tries again", told, failed, l.Prefix))
		}
	})
}

func (l *Late) names() []string {
	var all []string
	for _, p := range l.Packages.Manifest.Old {
		all = append(all, p.Name)
	}
	return all
}
