package service

import (
	"context"
	"time"

	"onerpm/internal/manifest"
)

// Times are how long a unit took the last times, as systemd remembers it since
// boot (org.freedesktop.systemd1.Unit, the Monotonic timestamps).
type Times struct {
	Unit  string
	Start time.Duration // from the start to active; 0 when it was not started since boot
	Stop  time.Duration // from the stop to inactive; 0 when it was not stopped since boot
}

// Times tells how long each unit of the old release took to start and to stop.
func (s *Services) Times(ctx context.Context) ([]Times, error) {
	var found []Times
	for _, u := range s.units {
		if !on(u, manifest.Old) {
			continue
		}
		t := Times{Unit: u.Unit}
		var err error
		if t.Start, err = s.systemd.Between(ctx, u.Unit, "InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic"); err != nil {
			return nil, err
		}
		if t.Stop, err = s.systemd.Between(ctx, u.Unit, "ActiveExitTimestampMonotonic", "InactiveEnterTimestampMonotonic"); err != nil {
			return nil, err
		}
		found = append(found, t)
	}
	return found, nil
}

// Settle is how long the units that nobody can ask and that do not say when they are ready must stay active after
// the last start, all at once; 0 when every unit of the side has one.
func Settle(units []manifest.Service, side manifest.Side) time.Duration {
	for _, u := range units {
		if on(u, side) && !u.Door && u.Health == nil && u.Ready == nil {
			return settle
		}
	}
	return 0
}
