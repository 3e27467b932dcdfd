package service

import (
	"context"
	"fmt"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/systemd"
	"onerpm/payload-scripts/internal/unitlog"
)

// listen begins to listen to what a unit will say. Of a unit that says nothing it is nil.
func (s *Services) listen(ctx context.Context, u manifest.Service) (unitlog.Log, error) {
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
