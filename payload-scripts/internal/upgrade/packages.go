package upgrade

import (
	"context"
	"log/slog"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/packages"
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
	if r := p.Journal.Record(); !r.CameTo(packagesToNew) {
		return nil
	}
	return p.converge(ctx, manifest.Old)
}

func (p *packageSet) converge(ctx context.Context, side manifest.Side) error {
	p.set.Had = p.Journal.Record().Optional
	defer p.set.RPM.Release() // nothing may have been left to do for rpm
	return p.set.Converge(ctx, side, packages.Options{Progress: p.RPMAt, Warn: p.Warn})
}

// markUserInstalled never fails an upgrade that serves already: it is told as a warning.
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
