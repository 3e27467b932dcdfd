package service

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/systemd"
	"onerpm/payload-scripts/internal/unitlog"
)

// Listen begins to listen to what the units of a side will say, which have stopped by then. Start does so too; a look into the
// system's journal takes a while for each, and there may be something else to wait for meanwhile. What cannot be listened to
// now is for Start to tell: nothing has failed yet.
func (s *Services) Listen(ctx context.Context, side manifest.Side, before journal.Services) error {
	for _, u := range s.expand(before) {
		delete(s.said, u.Unit)                                                    // of an earlier Listen: it may have been started and stopped since
		comesBack := side == manifest.Old && u.Ready != nil && u.Ready.File != "" // the file that the log was, after this
		if !on(u, side) || u.Ready == nil || comesBack {
			continue
		}
		said, err := s.listen(ctx, u)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			slog.Warn("it is listened to later", "unit", u.Unit, "because", err)
			continue
		}
		s.said[u.Unit] = said
	}
	return nil
}

// listen begins to listen to what a unit will say. Of a unit that says nothing it is nil.
func (s *Services) listen(ctx context.Context, u manifest.Service) (unitlog.Log, error) {
	if u.Ready != nil && s.said[u.Unit] != nil {
		return s.said[u.Unit], nil
	}
	switch {
	case u.Ready == nil:
		return nil, nil
	case u.Ready.File != "":
		return unitlog.File(s.places.Root + u.Ready.File)
	}
	return unitlog.Journal(ctx, u.Unit)
}

// awaitReady waits until the unit is active and has said that it is ready, at the latest until within has passed.
func (s *Services) awaitReady(ctx context.Context, u manifest.Service, side manifest.Side, said unitlog.Log) error {
	text := u.Ready.Says
	if side == manifest.Old && u.Ready.Old != "" {
		text = u.Ready.Old
	}
	began := time.Now()
	deadline := began.Add(u.Ready.Within.D())
	for {
		ready, err := said.Heard(ctx, text)
		if err != nil {
			return fmt.Errorf("hear when %s is ready: %w", u.Unit, err)
		}
		state, err := s.systemd.Active(ctx, u.Unit)
		switch {
		case err != nil:
			return err
		case systemd.Down(state):
			return fmt.Errorf("start %s: it is %s", u.Unit, state)
		case ready && systemd.Serves(state):
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("%s has not said %q within %s of its start", u.Unit, text, u.Ready.Within.D())
		}
		if err := pause(ctx, began); err != nil {
			return err
		}
	}
}
