package service

import (
	"context"
	"fmt"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/health"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/systemd"
)

// settle is how long units without a health question must stay active, all at once.
const settle = time.Second

// settleLimit bounds the wait for that.
const settleLimit = time.Minute

// A starting unit is looked at often at first, when most are about to be ready and clients wait for it, then less often.
const (
	lookOften = 10 * time.Millisecond
	look      = 50 * time.Millisecond
	oftenFor  = 2 * time.Second
)

// serves looks once whether the unit is active and answers as it must. The error says
// why it does not; the state is empty when systemd could not be asked.
func (s *Services) serves(ctx context.Context, u manifest.Service, side manifest.Side) (state string, err error) {
	if state, err = s.systemd.Active(ctx, u.Unit); err != nil {
		return "", err
	}
	if !systemd.Serves(state) {
		return state, fmt.Errorf("it is %s", state)
	}
	if u.Health == nil {
		return state, nil
	}
	return state, health.Ask(ctx, u.Health, side)
}

// healthy waits until the unit is active and answers as it must, at the latest
// when its health's within has passed. A unit that has failed is not waited for.
func (s *Services) healthy(ctx context.Context, u manifest.Service, side manifest.Side) error {
	within, began := u.Health.Within.D(), time.Now()
	deadline := began.Add(within)
	for {
		state, err := s.serves(ctx, u, side)
		switch {
		case err == nil || state == "":
			return err
		case systemd.Down(state):
			return fmt.Errorf("start %s: %w", u.Unit, err)
		case time.Now().After(deadline):
			return fmt.Errorf("%s is not healthy after %s: %w", u.Unit, within, err)
		}
		if err := pause(ctx, began); err != nil {
			return err
		}
	}
}

// Await waits until the units of a side that were active before the upgrade are active and
// answer, and starts none: systemd is at it, after a boot. It gives up after a minute,
// or when the longest of the health questions' within has passed. A door's own question is not put.
func (s *Services) Await(ctx context.Context, side manifest.Side, before journal.Services) error {
	limit := s.stableLimit
	for _, u := range s.units {
		if u.Health != nil {
			limit = max(limit, u.Health.Within.D())
		}
	}
	began := time.Now()
	deadline := began.Add(limit)
	for _, u := range s.expand(before) {
		if !wanted(u, side, before) {
			continue
		}
		if u.Door {
			u.Health = nil
		}
		for {
			_, err := s.serves(ctx, u, side)
			if err == nil {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("%s does not serve: %w", u.Unit, err)
			}
			if err := pause(ctx, began); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaitStable waits until all the units have been active for a while without a
// break. One that is being restarted is waited for, one that has failed is not.
func (s *Services) awaitStable(ctx context.Context, units []string) error {
	var since time.Time // all of them are active
	began := time.Now()
	for limit := began.Add(s.stableLimit); len(units) > 0; {
		all := true
		for _, unit := range units {
			state, err := s.systemd.Active(ctx, unit)
			if err != nil {
				return err
			}
			if systemd.Serves(state) {
				continue
			}
			if systemd.Down(state) || time.Now().After(limit) {
				return fmt.Errorf("start %s: it is %s%s", unit, state, s.lastLines(ctx, unit))
			}
			all = false
		}
		switch {
		case !all:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) >= s.settle:
			return nil
		}
		if err := pause(ctx, began); err != nil {
			return err
		}
	}
	return nil
}

// pause waits until it is time for the next look at what is looked at since began.
func pause(ctx context.Context, began time.Time) error {
	wait := look
	if time.Since(began) < oftenFor {
		wait = lookOften
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}
