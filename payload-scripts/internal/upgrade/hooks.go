package upgrade

import (
	"context"
	"slices"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/hook"
	"onerpm/payload-scripts/internal/journal"
)

func (u *Upgrade) hooksOfPrepare(ctx context.Context) error {
	return u.runHooks(ctx, hook.Prepare, u.bundle.Manifest.Hooks.Prepare)
}

func (u *Upgrade) hooksOfSwitch(ctx context.Context) error {
	return u.runHooks(ctx, hook.Switch, u.bundle.Manifest.Hooks.Switch)
}

func (u *Upgrade) hooksOfOpen(ctx context.Context) error {
	return u.runHooks(ctx, hook.Open, u.bundle.Manifest.Hooks.Open)
}

// runHooks runs the hooks of a phase in their order. That one began is on disk
// before it does: what is not in the journal is not undone.
func (u *Upgrade) runHooks(ctx context.Context, phase string, hooks []manifest.Hook) error {
	for _, h := range hooks {
		err := u.journal.Update(func(r *journal.Record) {
			if !slices.Contains(r.Hooks, h.Name()) {
				r.Hooks = append(r.Hooks, h.Name())
			}
		})
		if err != nil {
			return err
		}
		if err := u.hooks().Run(ctx, phase, h); err != nil {
			return err
		}
	}
	return nil
}

// undoHooks takes back what hooks did that began, the last one first. The way
// back may be gone again, so they stay in the journal: an undo may run twice.
func (u *Upgrade) undoHooks(ctx context.Context) error {
	began := u.journal.Record().Hooks
	all := u.bundle.Manifest.Hooks
	for _, phase := range []struct {
		name  string
		hooks []manifest.Hook
	}{{hook.Switch, all.Switch}, {hook.Prepare, all.Prepare}} {
		for _, h := range slices.Backward(phase.hooks) {
			if !slices.Contains(began, h.Name()) {
				continue
			}
			if err := u.hooks().Undo(ctx, phase.name, h); err != nil {
				return err
			}
		}
	}
	return nil
}

func (u *Upgrade) hooks() hook.Room {
	return hook.Room{Manifest: u.bundle.Manifest, Bundle: u.bundle.Dir, Attempt: u.attempt.ID, Var: u.attempt.Var}
}
