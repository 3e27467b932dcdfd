package upgrade

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/release"
	"onerpm/payload-scripts/internal/updates"
)

// packageSet is the product's packages in an attempt.
type packageSet struct {
	*job.Job
	set   *packages.Set
	early *packages.Set // that came in prepare; nil for none
}

func (p *packageSet) waitForLocks(ctx context.Context) error { return p.set.RPM.WaitFree(ctx) }

// hold keeps other package managers from beginning until ours has its turn: once the services are
// stopped, none is waited for.
func (p *packageSet) hold(ctx context.Context) error { return p.set.RPM.Hold(ctx) }

// rebuild makes those packages that the bundle carries in parts, of both sides: the way back must need nothing that is not there.
func (p *packageSet) rebuild(ctx context.Context) error {
	var done, total int64
	sides := map[*packages.Set][]manifest.Side{p.set: {manifest.Old, manifest.New}, p.early: {manifest.New}}
	for set, sides := range sides {
		if set == nil {
			continue
		}
		n, err := set.RebuiltSize(sides...)
		if err != nil {
			return err
		}
		total += n
	}
	tell := func(file string, bytes int64) {
		done += bytes
		p.Progress.Tell(file, done, total, "bytes")
	}
	for _, set := range []*packages.Set{p.set, p.early} {
		if set == nil {
			continue
		}
		if err := set.Rebuild(ctx, tell, sides[set]...); err != nil {
			return err
		}
	}
	return nil
}

// dropRebuilt removes what rebuild made. Nothing needs it any more: what can still be erased, rpm knows.
func (p *packageSet) dropRebuilt() {
	folder := p.InRun(release.RebuiltFolder)
	host.Point("remove", folder)
	if err := os.RemoveAll(folder); err != nil {
		slog.Warn("packages that were rebuilt stay until the attempt is cleared away", "error", err)
	}
}

// backup saves the packages' files that this host changed, and rpm's database.
func (p *packageSet) backup(ctx context.Context) error {
	own, err := p.set.Record(ctx)
	if err != nil {
		return err
	}
	slog.Info("files of packages that are this host's own", "paths", own)
	return p.set.RPM.Backup(ctx, p.Attempt.Backup("rpmdb"))
}

// restore makes the packages old again, if the upgrade ever came to them. Until then they are as they were, and
// rpm would put its own file where this host has another in a state path.
func (p *packageSet) restore(ctx context.Context) error {
	if r := p.Journal.Record(); !r.HasStep(packagesToNew) {
		return nil
	}
	return p.converge(ctx, manifest.Old)
}

func (p *packageSet) converge(ctx context.Context, side manifest.Side) error {
	p.set.Had = p.Journal.Record().Optional
	defer p.set.RPM.Release() // nothing may have been left to do for rpm
	return p.set.Converge(ctx, side, packages.Options{Progress: p.RPMAt, Warn: p.Warn})
}

// markUserInstalled never fails an upgrade that serves already: it is reported as a warning.
func (p *packageSet) markUserInstalled(ctx context.Context) error {
	for _, set := range []*packages.Set{p.set, p.early} {
		if set == nil {
			continue
		}
		if err := set.MarkUserInstalled(ctx); err != nil {
			return p.Warn("the new packages could not be marked as installed by the user: " + err.Error())
		}
	}
	return nil
}

// keepFromUpdates never fails an upgrade that serves already either.
func (p *packageSet) keepFromUpdates(ctx context.Context) error {
	host := updatesOf(p.Bundle)
	if err := host.Exclude(updates.Higher(p.Manifest())); err != nil {
		return p.Warn("an update of the system may bring back packages of another release: " + err.Error())
	}
	if err := host.EndPackageKit(ctx); err != nil {
		return p.Warn("until PackageKit's daemon ends, an update by it may bring back packages of another release: " + err.Error())
	}
	return nil
}

// updatesOf is the package manager that a bundle's product must be kept from.
func updatesOf(b *layout.Bundle) updates.Host {
	return updates.Host{Root: b.Root, Record: b.Places().Excluded()}
}

// excluded says what updates leave out; "" for nothing.
func excluded(b *layout.Bundle) string {
	e, err := updatesOf(b).Excluded()
	if err != nil || len(e.Patterns) == 0 {
		return ""
	}
	return fmt.Sprintf("updates of the system leave out %s, which %s names: they have higher versions than %s has",
		strings.Join(e.Patterns, ", "), e.File, b.Manifest.To)
}
