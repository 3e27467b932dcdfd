package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"onerpm/internal/manifest"
	"onerpm/internal/unit"
	"onerpm/payload-scripts/internal/host"
)

// dropIn keeps a unit down while the window mark is there, over a reboot too.
// The engine itself starts units under the second mark, which lies in memory
// and so is gone after a reboot. The two conditions are alternatives ("|").
const dropIn = `# Written by the upgrade for the time of its window; removed by it at its end.
[Unit]
ConditionPathExists=|!%s
ConditionPathExists=|%s
`

// MarkWindow makes sure that from now on no unit of the product starts, at a
// reboot or by a hand, until OpenWindow.
func (s *Services) MarkWindow(ctx context.Context) error {
	for _, u := range s.units {
		path := s.dropIn(u)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("mark the window: %w", err)
		}
		text := fmt.Sprintf(dropIn, s.places.Window(), s.places.Starting())
		if err := host.WriteFile(path, []byte(text), host.Attr{Mode: 0o644}); err != nil {
			return fmt.Errorf("mark the window: %w", err)
		}
	}
	if err := host.SyncFS("/etc/systemd/system"); err != nil {
		return err
	}
	if err := s.Reload(ctx); err != nil {
		return err
	}
	if err := os.Remove(s.places.Starting()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("mark the window: %w", err)
	}
	return host.WriteFile(s.places.Window(), nil, host.Attr{Mode: 0o600})
}

// allowStarts lets this engine, but no reboot, start units in the window.
func (s *Services) allowStarts() error {
	path := s.places.Starting()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, nil, 0o600)
}

// OpenWindow takes the mark away: from now on a reboot starts the product.
func (s *Services) OpenWindow() error { return host.Remove(s.places.Window()) }

// Unmark removes what MarkWindow wrote.
func (s *Services) Unmark(ctx context.Context) error {
	for _, u := range s.units {
		path := s.dropIn(u)
		if err := host.Sweep(path); err != nil {
			return err
		}
		host.Point("unlink", path)
		if _, err := os.Lstat(path); err == nil { // on a read-only /etc the removal of nothing fails too
			if err := os.Remove(path); err != nil {
				return err
			}
		} else if !errors.Is(err, os.ErrNotExist) {
			return err
		}
		_ = os.Remove(filepath.Dir(path)) // it stays when the admin has drop-ins there
	}
	if err := host.SyncDir("/etc/systemd/system"); err != nil {
		return err
	}
	_ = os.Remove(s.places.Starting())
	return s.Reload(ctx)
}

func (s *Services) dropIn(u manifest.Service) string {
	return filepath.Join("/etc/systemd/system", unit.Name(u.Unit)+".d", "50-"+s.places.Prefix+".conf")
}

// Reload makes systemd read its unit files again.
func (s *Services) Reload(ctx context.Context) error { return s.systemd.Reload(ctx) }

// Retire takes the units that the side does not have out of the boot, before
// their files go.
func (s *Services) Retire(ctx context.Context, side manifest.Side) error {
	for _, u := range s.units {
		if on(u, side) {
			continue
		}
		state, err := s.systemd.FileState(ctx, u.Unit)
		if err != nil {
			return err
		}
		if state != "enabled" {
			continue
		}
		if err := s.systemd.Disable(ctx, u.Unit, false); err != nil {
			return err
		}
	}
	return host.SyncFS("/etc/systemd/system")
}

// Adopt puts the side's units into the boot, after their files came: those that
// were in it before the upgrade, and those that only the new release has.
func (s *Services) Adopt(ctx context.Context, side manifest.Side, wasEnabled map[string]bool) error {
	for _, u := range s.units {
		if !on(u, side) || (!wasEnabled[u.Unit] && u.Only != manifest.New) {
			continue
		}
		state, err := s.systemd.FileState(ctx, u.Unit)
		if err != nil {
			return err
		}
		if state == "enabled" {
			continue
		}
		if err := s.systemd.Enable(ctx, u.Unit, false); err != nil {
			return err
		}
	}
	if err := host.SyncFS("/etc/systemd/system"); err != nil {
		return err
	}
	return s.Reload(ctx)
}
