// Package service starts, stops and judges the product's systemd units. Stopped
// is stopped and started is healthy: both are proved, never taken from the
// answer to a request.
package service

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/systemd"
)

// Services are the units of a jump.
type Services struct {
	units   []manifest.Service
	places  layout.Places
	systemd *systemd.Conn
}

// Connect opens the connection to systemd that all methods use.
func Connect(ctx context.Context, m *manifest.Manifest, places layout.Places) (*Services, error) {
	conn, err := systemd.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &Services{units: m.Services, places: places, systemd: conn}, nil
}

// Close ends the connection.
func (s *Services) Close() { s.systemd.Close() }

// Active tells of each unit whether it is active now.
func (s *Services) Active(ctx context.Context) (map[string]bool, error) {
	return s.each(func(unit string) (bool, error) {
		state, err := s.systemd.Active(ctx, unit)
		return state == "active", err
	})
}

// Enabled tells of each unit whether it starts at boot.
func (s *Services) Enabled(ctx context.Context) (map[string]bool, error) {
	return s.each(func(unit string) (bool, error) {
		state, err := s.systemd.FileState(ctx, unit)
		return strings.HasPrefix(state, "enabled"), err
	})
}

func (s *Services) each(is func(unit string) (bool, error)) (map[string]bool, error) {
	found := map[string]bool{}
	for _, u := range s.units {
		var err error
		if found[u.Unit], err = is(u.Unit); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// CloseDoor stops the units that let clients in.
func (s *Services) CloseDoor(ctx context.Context) error {
	return s.stop(ctx, func(u manifest.Service) bool { return u.Door })
}

// Stop stops all units, of both releases, in the reverse of their start order.
func (s *Services) Stop(ctx context.Context) error {
	return s.stop(ctx, func(manifest.Service) bool { return true })
}

func (s *Services) stop(ctx context.Context, which func(manifest.Service) bool) error {
	for i := len(s.units) - 1; i >= 0; i-- {
		if u := s.units[i]; which(u) {
			if err := s.stopOne(ctx, u.Unit); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Services) stopOne(ctx context.Context, unit string) error {
	state, err := s.systemd.Active(ctx, unit)
	if err != nil || systemd.Down(state) {
		return err
	}
	slog.Info("stopping", "unit", unit)
	host.Point("stop "+unit, "")
	if err := s.systemd.Stop(ctx, unit); err != nil {
		return err
	}
	if state, err = s.systemd.Active(ctx, unit); err != nil {
		return err
	}
	if !systemd.Down(state) {
		return fmt.Errorf("stop %s: it is still %s", unit, state)
	}
	return nil
}

// Start starts the units of a side, but for the door and those that were not
// active before the upgrade, in order. A unit with a health question has answered
// it before the next is started; those without one are looked at together after
// the last start, so that the window does not wait for each. A unit that only
// the new release has is started.
func (s *Services) Start(ctx context.Context, side manifest.Side, wasActive map[string]bool) error {
	if err := s.allowStarts(); err != nil {
		return err
	}
	return s.start(ctx, side, func(u manifest.Service) bool { return !u.Door && wanted(u, side, wasActive) })
}

// OpenDoor starts the units that let clients in. ask says whether they must
// answer their health questions: a door that did not before the upgrade, say
// because the admin gave it another address, is not judged by them after it.
func (s *Services) OpenDoor(ctx context.Context, side manifest.Side, wasActive map[string]bool, ask bool) error {
	for _, u := range s.units {
		if !u.Door || !wanted(u, side, wasActive) {
			continue
		}
		if !ask {
			u.Health = nil
		}
		if err := s.startOne(ctx, u, side); err != nil {
			return fmt.Errorf("%w%s", err, systemd.LastLines(ctx, u.Unit))
		}
		if u.Health == nil {
			if err := s.settled(ctx, []string{u.Unit}); err != nil {
				return err
			}
		}
	}
	return nil
}

func wanted(u manifest.Service, side manifest.Side, wasActive map[string]bool) bool {
	if !on(u, side) {
		return false
	}
	return wasActive[u.Unit] || (u.Only == manifest.New && side == manifest.New)
}

// on tells whether a side has a unit at all.
func on(u manifest.Service, side manifest.Side) bool { return u.Only == "" || u.Only == side }

func (s *Services) start(ctx context.Context, side manifest.Side, which func(manifest.Service) bool) error {
	var silent []string // nobody can ask them anything
	for _, u := range s.units {
		if !which(u) {
			continue
		}
		if err := s.startOne(ctx, u, side); err != nil {
			return fmt.Errorf("%w%s", err, systemd.LastLines(ctx, u.Unit))
		}
		if u.Health == nil {
			silent = append(silent, u.Unit)
		}
	}
	return s.settled(ctx, silent)
}

// startOne starts a unit and waits until it answers its health question, if it has one.
func (s *Services) startOne(ctx context.Context, u manifest.Service, side manifest.Side) error {
	if err := verify(ctx, u); err != nil {
		return err
	}
	slog.Info("starting", "unit", u.Unit)
	host.Point("start "+u.Unit, "")
	if err := s.systemd.Start(ctx, u.Unit); err != nil {
		return err
	}
	if u.Health == nil {
		return nil
	}
	return s.healthy(ctx, u, side)
}

func verify(ctx context.Context, u manifest.Service) error {
	words := strings.Fields(u.Verify)
	if len(words) == 0 {
		return nil
	}
	_, err := host.Run(ctx, host.Cmd{Name: words[0], Args: words[1:], Timeout: time.Minute})
	if err != nil {
		return fmt.Errorf("verify %s before its start: %w", u.Unit, err)
	}
	return nil
}
