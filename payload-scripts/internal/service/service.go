// Package service starts, stops and judges the product's systemd units. Stopped
// is stopped and started is healthy: both are proved, never taken from the
// answer to a request. What else ran because of them is found again.
package service

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/systemd"
	"onerpm/payload-scripts/internal/unitlog"
)

// Services are the units of a jump.
type Services struct {
	units       []manifest.Service
	places      layout.Places
	systemd     *systemd.Conn
	Killing     func()        // called before a door is killed that did not stop in time; nil for nothing
	settle      time.Duration // see the constants of these names
	stableLimit time.Duration
	verified    map[string]bool        // doors whose configuration was tried by Confirm and not started since
	said        map[string]unitlog.Log // of units that Listen was asked for and that were not started since
	began       map[string]time.Time   // when this process has last started a unit
}

// Connect opens the connection to systemd that all methods use.
func Connect(ctx context.Context, m *manifest.Manifest, places layout.Places) (*Services, error) {
	conn, err := systemd.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return New(m, places, conn), nil
}

// New returns the units of a jump by a connection, which Close ends.
func New(m *manifest.Manifest, places layout.Places, conn *systemd.Conn) *Services {
	return &Services{units: m.Services, places: places, systemd: conn, settle: settle, stableLimit: settleLimit, verified: map[string]bool{}, said: map[string]unitlog.Log{}, began: map[string]time.Time{}}
}

// Close ends the connection.
func (s *Services) Close() { s.systemd.Close() }

// Places are where the upgrade's own files lie.
func (s *Services) Places() layout.Places { return s.places }

// Systemd is the connection.
func (s *Services) Systemd() *systemd.Conn { return s.systemd }

// Reload makes systemd read its unit files again.
func (s *Services) Reload(ctx context.Context) error { return s.systemd.Reload(ctx) }

// CloseDoor stops the units that let clients in. From then on only OpenDoor starts
// them: neither a monitor, nor another unit that wants them, nor a reboot.
func (s *Services) CloseDoor(ctx context.Context, before journal.Services) error {
	if err := s.Guard(ctx, before); err != nil {
		return err
	}
	if err := s.permit(true).withhold(); err != nil {
		return err
	}
	return s.stop(ctx, before, func(u manifest.Service) bool { return u.Door })
}

// TryDoor starts the doors of the new release as OpenDoor does, until a reboot: its clients are kept away by other means.
func (s *Services) TryDoor(ctx context.Context, before journal.Services, ask bool) error {
	if err := s.permit(true).grantUntilReboot(); err != nil {
		return err
	}
	return s.OpenDoor(ctx, manifest.New, before, ask)
}

// DoorsServe fails when a door that was opened does not run any more.
func (s *Services) DoorsServe(ctx context.Context, side manifest.Side, before journal.Services) error {
	for _, u := range s.expand(before) {
		if !u.Door || !wanted(u, side, before) {
			continue
		}
		state, err := s.systemd.Active(ctx, u.Unit)
		if err != nil {
			return err
		}
		if !systemd.Serves(state) {
			return fmt.Errorf("%s is %s%s", u.Unit, state, s.lastLines(ctx, u.Unit))
		}
	}
	return nil
}

// Stop stops all units but sources, of both releases, in the reverse of their start order, each
// after what would start it again.
func (s *Services) Stop(ctx context.Context, before journal.Services) error {
	return s.stop(ctx, before, func(u manifest.Service) bool { return !u.Source })
}

// StopSources stops the units that have the documents of a store, which Stop has left.
func (s *Services) StopSources(ctx context.Context, before journal.Services) error {
	return s.stop(ctx, before, func(u manifest.Service) bool { return u.Source })
}

func (s *Services) stop(ctx context.Context, before journal.Services, which func(manifest.Service) bool) error {
	for _, u := range slices.Backward(s.expand(before)) {
		if !which(u) {
			continue
		}
		for _, name := range append(slices.Clone(before.Triggers[u.Unit]), u.Unit) {
			grace := time.Duration(0)
			if name == u.Unit {
				grace = u.Grace.D()
			}
			if err := s.stopOne(ctx, name, grace); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Services) stopOne(ctx context.Context, name string, grace time.Duration) error {
	state, err := s.systemd.Active(ctx, name)
	if err != nil || systemd.Down(state) {
		return err
	}
	return s.stopAnyway(ctx, name, grace)
}

// stopAnyway stops a unit, also one that is down: that takes back a start which is queued, and stops what is a part of it.
// With a grace, what has not ended then is killed.
func (s *Services) stopAnyway(ctx context.Context, name string, grace time.Duration) error {
	slog.Info("stopping", "unit", name)
	host.Point("stop "+name, "")
	stop := s.systemd.Stop
	if grace > 0 {
		stop = func(ctx context.Context, name string) error { return s.systemd.StopWithin(ctx, name, grace, s.Killing) }
	}
	if err := stop(ctx, name); err != nil {
		return err
	}
	state, err := s.systemd.Active(ctx, name)
	if err != nil {
		return err
	}
	if !systemd.Down(state) {
		return fmt.Errorf("stop %s: it is still %s", name, state)
	}
	return nil
}

// Running fails when a unit that Start starts does not run now.
func (s *Services) Running(ctx context.Context, side manifest.Side, before journal.Services) error {
	for _, u := range s.expand(before) {
		if u.Door || !wanted(u, side, before) {
			continue
		}
		state, err := s.systemd.Active(ctx, u.Unit)
		if err != nil {
			return err
		}
		if !systemd.Serves(state) {
			return fmt.Errorf("%s is %s%s", u.Unit, state, s.lastLines(ctx, u.Unit))
		}
	}
	return nil
}

// Confirm asks every unit that Start has started once more, and whether the door could be opened.
func (s *Services) Confirm(ctx context.Context, side manifest.Side, before journal.Services) error {
	if err := s.Running(ctx, side, before); err != nil {
		return err
	}
	for _, u := range s.expand(before) {
		var err error
		switch {
		case !wanted(u, side, before):
		case u.Door:
			if err = verify(ctx, u); err == nil {
				s.verified[u.Unit] = true
			}
		case u.Health != nil:
			err = s.healthy(ctx, u, side)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func wanted(u manifest.Service, side manifest.Side, before journal.Services) bool {
	if !on(u, side) {
		return false
	}
	return before.Active[u.Unit] || (u.Only == manifest.New && side == manifest.New)
}

// on reports whether a side has a unit at all.
func on(u manifest.Service, side manifest.Side) bool { return u.Only == "" || u.Only == side }
