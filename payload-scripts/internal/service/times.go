package service

import (
	"context"
	"fmt"
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
		if t.Start, err = s.between(ctx, u.Unit, "InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic"); err != nil {
			return nil, err
		}
		if t.Stop, err = s.between(ctx, u.Unit, "ActiveExitTimestampMonotonic", "InactiveEnterTimestampMonotonic"); err != nil {
			return nil, err
		}
		found = append(found, t)
	}
	return found, nil
}

// between returns the time from one of a unit's timestamps to a later one, 0 when there is none.
func (s *Services) between(ctx context.Context, unit, from, to string) (time.Duration, error) {
	var at [2]uint64 // microseconds since boot
	for i, name := range []string{from, to} {
		p, err := s.bus.GetUnitPropertyContext(ctx, full(unit), name)
		if err != nil {
			return 0, fmt.Errorf("ask systemd for the %s of %s: %w", name, unit, err)
		}
		at[i], _ = p.Value.Value().(uint64)
	}
	if at[0] == 0 || at[1] < at[0] {
		return 0, nil
	}
	return time.Duration(at[1]-at[0]) * time.Microsecond, nil
}

// Settle is how long the units without a health question must stay active after
// the last start, all at once; 0 when every unit of the side has one.
func Settle(units []manifest.Service, side manifest.Side) time.Duration {
	for _, u := range units {
		if on(u, side) && !u.Door && u.Health == nil {
			return settle
		}
	}
	return 0
}
