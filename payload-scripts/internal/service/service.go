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

	"github.com/coreos/go-systemd/v22/dbus"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/layout"
)

// stopTimeout bounds the wait for one unit's stop. systemd kills a unit after
// its own TimeoutStopSec, so this is only for a systemd that does not answer.
const stopTimeout = 5 * time.Minute

// startTimeout bounds the wait for a start job of one unit.
const startTimeout = 3 * time.Minute

// Services are the units of a jump.
type Services struct {
	units  []manifest.Service
	places layout.Places
	bus    *dbus.Conn
}

// Connect opens the connection to systemd that all methods use.
func Connect(ctx context.Context, m *manifest.Manifest, places layout.Places) (*Services, error) {
	bus, err := dbus.NewSystemConnectionContext(ctx)
	if err != nil {
		if bus, err = dbus.NewSystemdConnectionContext(ctx); err != nil {
			return nil, fmt.Errorf("talk to systemd: %w", err)
		}
	}
	return &Services{units: m.Services, places: places, bus: bus}, nil
}

// Close ends the connection.
func (s *Services) Close() { s.bus.Close() }

// Active tells of each unit whether it is active now.
func (s *Services) Active(ctx context.Context) (map[string]bool, error) {
	return s.each(ctx, "ActiveState", func(v string) bool { return v == "active" })
}

// Enabled tells of each unit whether it starts at boot.
func (s *Services) Enabled(ctx context.Context) (map[string]bool, error) {
	return s.each(ctx, "UnitFileState", func(v string) bool { return strings.HasPrefix(v, "enabled") })
}

func (s *Services) each(ctx context.Context, property string, is func(string) bool) (map[string]bool, error) {
	found := map[string]bool{}
	for _, u := range s.units {
		v, err := s.property(ctx, u.Unit, property)
		if err != nil {
			return nil, err
		}
		found[u.Unit] = is(v)
	}
	return found, nil
}

func (s *Services) property(ctx context.Context, unit, name string) (string, error) {
	p, err := s.bus.GetUnitPropertyContext(ctx, full(unit), name)
	if err != nil {
		return "", fmt.Errorf("ask systemd for the %s of %s: %w", name, unit, err)
	}
	v, _ := p.Value.Value().(string)
	return v, nil
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
	state, err := s.property(ctx, unit, "ActiveState")
	if err != nil {
		return err
	}
	if state == "inactive" || state == "failed" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	slog.Info("stopping", "unit", unit)
	done := make(chan string, 1)
	host.Point("stop "+unit, "")
	if _, err := s.bus.StopUnitContext(ctx, full(unit), "replace", done); err != nil {
		return fmt.Errorf("stop %s: %w", unit, err)
	}
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("stop %s: systemd did not report its end: %w", unit, ctx.Err())
	}
	if state, err = s.property(ctx, unit, "ActiveState"); err != nil {
		return err
	}
	if state != "inactive" && state != "failed" {
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
			return fmt.Errorf("%w%s", err, lastLines(ctx, u.Unit))
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
			return fmt.Errorf("%w%s", err, lastLines(ctx, u.Unit))
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
	_ = s.bus.ResetFailedUnitContext(ctx, full(u.Unit)) // a start limit reached earlier must not refuse this start
	limited, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	done := make(chan string, 1)
	host.Point("start "+u.Unit, "")
	if _, err := s.bus.StartUnitContext(limited, full(u.Unit), "replace", done); err != nil {
		return fmt.Errorf("start %s: %w", u.Unit, err)
	}
	select {
	case result := <-done:
		if result != "done" {
			return fmt.Errorf("start %s: systemd says %q", u.Unit, result)
		}
	case <-limited.Done():
		return fmt.Errorf("start %s: systemd did not report its end: %w", u.Unit, limited.Err())
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

// lastLines is what the unit itself said last, for the report.
func lastLines(ctx context.Context, unit string) string {
	res, err := host.Run(ctx, host.Cmd{Name: "journalctl", Timeout: 20 * time.Second,
		Args: []string{"--unit", full(unit), "--lines", "12", "--no-pager", "--output", "short-iso", "--quiet"}})
	said := strings.TrimSpace(res.Stdout)
	if err != nil || said == "" {
		return ""
	}
	return "\nlast lines of " + unit + ":\n  " + strings.ReplaceAll(said, "\n", "\n  ")
}

func full(unit string) string {
	if strings.Contains(unit, ".") {
		return unit
	}
	return unit + ".service"
}
