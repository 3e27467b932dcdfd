package upgrade

import (
	"context"
	"slices"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/hook"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/journal"
)

// hooks are the product's own programs in an attempt.
type hooks struct {
	*job.Job
	room hook.Room
}

// of is the step that runs the hooks of a phase.
func (h *hooks) of(phase string) func(context.Context) error {
	return func(ctx context.Context) error { return h.run(ctx, phase) }
}

// listed are the hooks of a phase, in the order they run.
func (h *hooks) listed(phase string) []manifest.Hook {
	all := h.Manifest().Hooks
	return map[string][]manifest.Hook{hook.Prepare: all.Prepare, hook.Switch: all.Switch, hook.Open: all.Open}[phase]
}

// run runs the hooks of a phase in their order. That one began is on disk
// before it does: what is not in the journal is not undone.
func (h *hooks) run(ctx context.Context, phase string) error {
	for _, one := range h.listed(phase) {
		err := h.Journal.Update(func(r *journal.Record) {
			if !slices.Contains(r.Hooks, one.Name()) {
				r.Hooks = append(r.Hooks, one.Name())
			}
		})
		if err != nil {
			return err
		}
		if err := h.room.Run(ctx, phase, one); err != nil {
			return err
		}
	}
	return nil
}

// undo takes back what hooks did that began, the last one first. The way
// back may be gone again, so they stay in the journal: an undo may run twice.
func (h *hooks) undo(ctx context.Context) error {
	began := h.Journal.Record().Hooks
	for _, phase := range []string{hook.Switch, hook.Prepare} {
		for _, one := range slices.Backward(h.listed(phase)) {
			if !slices.Contains(began, one.Name()) {
				continue
			}
			if err := h.room.Undo(ctx, phase, one); err != nil {
				return err
			}
		}
	}
	return nil
}
