package hook

import (
	"context"
	"slices"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/journal"
)

// Set is the hooks of an attempt.
type Set struct {
	Room    Room
	Journal *journal.Journal
}

// Of is the step that runs the hooks of a phase.
func (h *Set) Of(phase string) func(context.Context) error {
	return func(ctx context.Context) error { return h.run(ctx, phase) }
}

// listed are the hooks of a phase, in the order they run.
func (h *Set) listed(phase string) []manifest.Hook {
	all := h.Room.Manifest.Hooks
	return map[string][]manifest.Hook{Prepare: all.Prepare, Switch: all.Switch, Open: all.Open}[phase]
}

// run runs the hooks of a phase in their order. That one began is on disk
// before it does: what is not in the journal is not undone.
func (h *Set) run(ctx context.Context, phase string) error {
	for _, one := range h.listed(phase) {
		err := h.Journal.Update(func(r *journal.Record) {
			if !slices.Contains(r.Hooks, one.Name()) {
				r.Hooks = append(r.Hooks, one.Name())
			}
		})
		if err != nil {
			return err
		}
		if err := h.Room.Run(ctx, phase, one); err != nil {
			return err
		}
	}
	return nil
}

// Undo takes back what hooks did that began, the last one first. The way
// back may be gone again, so they stay in the journal: an undo may run twice.
func (h *Set) Undo(ctx context.Context) error {
	began := h.Journal.Record().Hooks
	for _, phase := range []string{Switch, Prepare} {
		for _, one := range slices.Backward(h.listed(phase)) {
			if !slices.Contains(began, one.Name()) {
				continue
			}
			if err := h.Room.Undo(ctx, phase, one); err != nil {
				return err
			}
		}
	}
	return nil
}
