package service

import (
	"context"
	"fmt"
	"slices"

	"onerpm/internal/unit"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/systemd"
)

// dropInText makes a unit ask for its permit. The condition is no alternative ("|"): it must
// hold whatever other conditions the unit has.
const dropInText = `# Written by the upgrade for the time of its window; removed by it at its end.
[Unit]
ConditionPathExists=%s
`

// dropInName is that of the drop-in. systemd reads drop-ins in the order of their names, and an
// empty "ConditionPathExists=" forgets those before it: "~" comes after all letters and digits.
func (s *Services) dropInName() string { return "~" + s.places.Prefix }

// guarded are the units that must not start in the window, with the permit they ask for.
func (s *Services) guarded(before journal.Services) map[string]permit {
	all := map[string]permit{}
	for _, u := range s.expand(before) {
		for _, name := range append([]string{u.Unit}, before.Triggers[u.Unit]...) {
			if _, is := all[unit.Name(name)]; !is || u.Door {
				all[unit.Name(name)] = s.permit(u.Door)
			}
		}
	}
	return all
}

func (s *Services) dropIn(name string, p permit) systemd.DropIn {
	return systemd.DropIn{Unit: name, Name: s.dropInName(), Text: fmt.Sprintf(dropInText, p.condition())}
}

// Guard makes every unit ask for its permit, which is given as yet: nothing changes by
// that, so it is done while the product serves. It proves that systemd will ask.
func (s *Services) Guard(ctx context.Context, before journal.Services) error {
	for _, doors := range []bool{false, true} {
		if err := s.permit(doors).prepare(); err != nil {
			return fmt.Errorf("guard the services: %w", err)
		}
	}
	guarded := s.guarded(before)
	changed := false
	for name, p := range guarded {
		wrote, err := s.dropIn(name, p).Write(s.places.Root)
		if err != nil {
			return fmt.Errorf("guard the services: %w", err)
		}
		changed = changed || wrote
	}
	if !changed {
		if unasked, err := s.unguarded(ctx, guarded); err != nil || unasked == "" {
			return err
		}
	}
	if err := s.Reload(ctx); err != nil {
		return err
	}
	unasked, err := s.unguarded(ctx, guarded)
	if err == nil && unasked != "" {
		err = fmt.Errorf("guard the services: something forgets the conditions of %s after the upgrade's drop-in ~%s.conf: see systemctl cat %s", unasked, s.places.Prefix, unasked)
	}
	return err
}

// unguarded returns the name of a loaded unit without the condition on its permit, "" when all have it.
func (s *Services) unguarded(ctx context.Context, guarded map[string]permit) (string, error) {
	for name, p := range guarded {
		u, err := s.systemd.Unit(ctx, name)
		if err != nil {
			return "", err
		}
		if u.Load == "loaded" && !slices.Contains(u.Conditions, systemd.Condition{Kind: "ConditionPathExists", Parameter: p.condition()}) {
			return name, nil
		}
	}
	return "", nil
}

// MarkWindow makes sure that from now on no unit of the product starts, at a
// reboot or by a hand, until OpenWindow.
func (s *Services) MarkWindow(ctx context.Context, before journal.Services) error {
	if err := s.Guard(ctx, before); err != nil {
		return err
	}
	for _, doors := range []bool{true, false} {
		if err := s.permit(doors).withhold(); err != nil {
			return fmt.Errorf("mark the window: %w", err)
		}
	}
	return host.WriteFile(s.places.Window(), nil, host.Attr{Mode: 0o600})
}

// OpenWindow takes the marks away: from now on a reboot starts the product.
func (s *Services) OpenWindow() error {
	for _, doors := range []bool{false, true} {
		if err := s.permit(doors).grant(); err != nil {
			return fmt.Errorf("open the window: %w", err)
		}
	}
	return host.Remove(s.places.Window()) // syncs the folder, with the permits
}

// Unmark removes all that guard and the marks have written.
func (s *Services) Unmark(ctx context.Context, before journal.Services) error {
	for name, p := range s.guarded(before) {
		if err := s.dropIn(name, p).Remove(s.places.Root, before.Folders); err != nil {
			return err
		}
	}
	if err := host.SyncDir(s.places.Root + "/etc/systemd/system"); err != nil {
		return err
	}
	if err := s.Reload(ctx); err != nil {
		return err
	}
	for _, doors := range []bool{false, true} { // systemd asks for them no more
		if err := s.permit(doors).remove(); err != nil {
			return err
		}
	}
	return nil
}
