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
	"onerpm/payload-scripts/internal/programs"
	"onerpm/payload-scripts/internal/systemd"
)

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
				return fmt.Errorf("%w%s", err, s.lastLines(ctx, u.Unit))
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

// startNow starts a unit, and notes when: what it said before is not of this start.
func (s *Services) startNow(ctx context.Context, name string) error {
	host.Point("start "+name, "")
	s.began[name] = time.Now()
	return s.systemd.Start(ctx, name)
}

// lastLines is what a unit said last, since this process started it.
func (s *Services) lastLines(ctx context.Context, name string) string {
	return systemd.LastLines(ctx, name, s.began[name])
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
		if err := s.startNow(ctx, trigger); err != nil {
			return fmt.Errorf("%w%s", err, s.lastLines(ctx, trigger))
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

// startOne starts a unit and waits until it answers its health question, if it has one.
func (s *Services) startOne(ctx context.Context, u manifest.Service, side manifest.Side) error {
	if !s.verified[u.Unit] {
		if err := verify(ctx, u); err != nil {
			return err
		}
	}
	delete(s.verified, u.Unit) // another try asks again
	said, err := s.listen(ctx, u)
	delete(s.said, u.Unit) // another start says it again
	if err != nil {
		return err
	}
	slog.Info("starting", "unit", u.Unit)
	if err := s.startNow(ctx, u.Unit); err != nil {
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
	if err := s.startNow(ctx, u.Unit); err != nil {
		return err
	}
	return s.healthy(ctx, u, manifest.Old)
}

func verify(ctx context.Context, u manifest.Service) error {
	words := strings.Fields(u.Verify)
	if len(words) == 0 {
		return nil
	}
	_, err := programs.Run(ctx, programs.Cmd{Name: words[0], Args: words[1:], Timeout: time.Minute, Scope: true})
	if err != nil {
		return fmt.Errorf("verify %s before its start: %w", u.Unit, err)
	}
	return nil
}
