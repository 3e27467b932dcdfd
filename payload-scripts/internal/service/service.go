// Package service starts, stops and judges the product's systemd units. Stopped
// is stopped and started is healthy: both are proved, never taken from the
// answer to a request. What else ran because of them is found again.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/internal/unit"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/programs"
	"onerpm/payload-scripts/internal/systemd"
)

// Services are the units of a jump.
type Services struct {
	units       []manifest.Service
	places      layout.Places
	systemd     *systemd.Conn
	Killing     func()        // called before a door is killed that did not stop in time; nil for nothing
	settle      time.Duration // see the constants of these names
	stableLimit time.Duration
	verified    map[string]bool // doors whose configuration was tried by Confirm and not started since
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
	return &Services{units: m.Services, places: places, systemd: conn, settle: settle, stableLimit: settleLimit, verified: map[string]bool{}}
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
			return fmt.Errorf("%s is %s%s", u.Unit, state, systemd.LastLines(ctx, u.Unit))
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

// Start starts the units of a side, but for the door and those that were not
// active before the upgrade, in order, after the sources. A unit with a health question has answered
// it before the next is started; those without one are looked at together after
// the last start, so that the window does not wait for each. A unit that only
// the new release has is started.
func (s *Services) Start(ctx context.Context, side manifest.Side, before journal.Services) error {
	if err := s.StartSources(ctx, side, before); err != nil {
		return err
	}
	if err := s.permit(false).grantUntilReboot(); err != nil {
		return err
	}
	return s.start(ctx, side, before, func(u manifest.Service) bool { return !u.Door && !u.Source }, true)
}

// StartSources starts, as Start does, only the units that have the documents of a store. Nobody else
// can start the others meanwhile or afterwards, which would write to them.
func (s *Services) StartSources(ctx context.Context, side manifest.Side, before journal.Services) error {
	source := func(u manifest.Service) bool { return u.Source && on(u, side) }
	if !slices.ContainsFunc(s.units, source) {
		return nil
	}
	if err := s.permit(false).grantUntilReboot(); err != nil {
		return err
	}
	return errors.Join(s.start(ctx, side, before, source, true), s.permit(false).revoke())
}

// OpenDoor starts the units that let clients in. ask says whether they must
// answer their health questions: a door that did not before the upgrade, say
// because the admin gave it another address, is not judged by them after it.
func (s *Services) OpenDoor(ctx context.Context, side manifest.Side, before journal.Services, ask bool) error {
	return s.start(ctx, side, before, func(u manifest.Service) bool { return u.Door }, ask)
}

func (s *Services) start(ctx context.Context, side manifest.Side, before journal.Services, which func(manifest.Service) bool, ask bool) error {
	var silent []string // nobody can ask them anything
	for _, u := range s.expand(before) {
		if !which(u) || !on(u, side) {
			continue
		}
		if !ask {
			u.Health = nil
		}
		// A socket does not listen any more once its service runs without it; timers and paths come after.
		if err := s.startTriggers(ctx, u.Unit, before, true); err != nil {
			return err
		}
		if wanted(u, side, before) {
			if u.Ready != nil {
				state, err := s.systemd.Active(ctx, u.Unit)
				if err != nil {
					return err
				}
				if systemd.Serves(state) { // started before, by an engine that was killed: what it said then counts no more
					u.Ready = nil
				}
			}
			if err := s.startOne(ctx, u, side); err != nil {
				return fmt.Errorf("%w%s", err, systemd.LastLines(ctx, u.Unit))
			}
			if u.Health == nil && u.Ready == nil {
				silent = append(silent, u.Unit)
			}
		}
		if err := s.startTriggers(ctx, u.Unit, before, false); err != nil {
			return err
		}
	}
	return s.awaitStable(ctx, silent)
}

// startTriggers starts what started a unit before: its sockets, or the rest. One that the
// release does not have any more is left out, and so is a socket whose service runs.
func (s *Services) startTriggers(ctx context.Context, name string, before journal.Services, sockets bool) error {
	for _, trigger := range before.Triggers[name] {
		if unit.Kind(trigger) == "socket" != sockets || !sockets && s.isNamed(trigger) { // the manifest says when
			continue
		}
		u, err := s.systemd.Unit(ctx, trigger)
		if err != nil {
			return err
		}
		if systemd.Serves(u.Active) {
			continue
		}
		if u.Load != "loaded" {
			slog.Warn("it is not there any more", "unit", trigger, "load", u.Load)
			continue
		}
		if sockets {
			state, err := s.systemd.Active(ctx, name)
			if err != nil {
				return err
			}
			if systemd.Serves(state) {
				slog.Warn("its service runs without it", "unit", trigger, "service", name)
				continue
			}
		}
		slog.Info("starting", "unit", trigger)
		host.Point("start "+trigger, "")
		if err := s.systemd.Start(ctx, trigger); err != nil {
			return fmt.Errorf("%w%s", err, systemd.LastLines(ctx, trigger))
		}
	}
	return nil
}

// StartDependents starts what systemd has stopped with the product's units, and returns
// what does not run again: these units are the machine's, and no reason to go back.
func (s *Services) StartDependents(ctx context.Context, before journal.Services) (warnings []string, err error) {
	for _, u := range s.expand(before) {
		for _, name := range before.Dependents[u.Unit] {
			start := s.systemd.Start
			if unit.Kind(name) == "target" {
				start = s.systemd.StartAlone // not all that it wants: some of that may have been stopped on purpose
			}
			state, err := s.systemd.Active(ctx, name)
			if err == nil && !systemd.Serves(state) {
				slog.Info("starting", "unit", name, "needs", u.Unit)
				if err = start(ctx, name); err == nil {
					state, err = s.systemd.Active(ctx, name)
				}
			}
			if ctx.Err() != nil {
				return warnings, ctx.Err()
			}
			if err == nil && !systemd.Serves(state) {
				err = fmt.Errorf("it is %s", state)
			}
			if err != nil {
				warnings = append(warnings, fmt.Sprintf("%s ran before, was stopped with %s, and does not run again: %v", name, u.Unit, err))
			}
		}
	}
	return warnings, nil
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
			return fmt.Errorf("%s is %s%s", u.Unit, state, systemd.LastLines(ctx, u.Unit))
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

// startOne starts a unit and waits until it answers its health question, if it has one.
func (s *Services) startOne(ctx context.Context, u manifest.Service, side manifest.Side) error {
	if !s.verified[u.Unit] {
		if err := verify(ctx, u); err != nil {
			return err
		}
	}
	delete(s.verified, u.Unit) // another try asks again
	said, err := s.listen(ctx, u)
	if err != nil {
		return err
	}
	slog.Info("starting", "unit", u.Unit)
	host.Point("start "+u.Unit, "")
	if err := s.systemd.Start(ctx, u.Unit); err != nil {
		return err
	}
	if said != nil {
		return s.awaitReady(ctx, u, side, said)
	}
	if u.Health == nil {
		return nil
	}
	err = s.healthy(ctx, u, side)
	if err == nil || side != manifest.Old || u.Door {
		return err
	}
	return s.startAgain(ctx, u, err)
}

// startAgain starts a unit of the old side once more that runs and does not answer: it did before the upgrade, there is no other
// release to go back to, and some programs can hang in their start, as Elasticsearch 1.x can (LUCENE-6482).
func (s *Services) startAgain(ctx context.Context, u manifest.Service, why error) error {
	state, err := s.systemd.Active(ctx, u.Unit)
	if err != nil || systemd.Down(state) || ctx.Err() != nil {
		return why
	}
	slog.Warn("it runs and does not answer; starting it once more", "unit", u.Unit, "because", why)
	if err := s.stopAnyway(ctx, u.Unit, 0); err != nil {
		return err
	}
	host.Point("start "+u.Unit, "")
	if err := s.systemd.Start(ctx, u.Unit); err != nil {
		return err
	}
	return s.healthy(ctx, u, manifest.Old)
}

func verify(ctx context.Context, u manifest.Service) error {
	words := strings.Fields(u.Verify)
	if len(words) == 0 {
		return nil
	}
	_, err := programs.Run(ctx, programs.Cmd{Name: words[0], Args: words[1:], Timeout: time.Minute})
	if err != nil {
		return fmt.Errorf("verify %s before its start: %w", u.Unit, err)
	}
	return nil
}
