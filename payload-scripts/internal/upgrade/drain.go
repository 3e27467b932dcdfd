package upgrade

import (
	"context"
	"fmt"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
)

// drainEvery is how often the work under way is counted.
const drainEvery = 250 * time.Millisecond

// drain waits until the services have no work under way.
func (s *schema) drain(ctx context.Context) error {
	for _, unit := range s.manifest().Services {
		if unit.Drain == nil {
			continue
		}
		if err := s.drainOne(ctx, unit); err != nil {
			return err
		}
	}
	return nil
}

func (s *schema) drainOne(ctx context.Context, unit manifest.Service) error {
	spec, err := s.named(unit.Drain.Database)
	if err != nil {
		return err
	}
	return s.with(ctx, spec, func(db *database.DB) error {
		deadline := time.Now().Add(unit.Drain.Within.D())
		for {
			left, err := db.Count(ctx, unit.Drain.Query)
			if err != nil || left == 0 {
				return err
			}
			if time.Now().After(deadline) {
				if unit.Drain.Else == "proceed" {
					return s.warn(fmt.Sprintf("%s still had %d things under way after %s and was stopped all the same", unit.Unit, left, unit.Drain.Within.D()))
				}
				return fmt.Errorf("%s still has %d things under way after %s; wait for them or cancel them, then start again", unit.Unit, left, unit.Drain.Within.D())
			}
			if err := pause(ctx, drainEvery); err != nil {
				return err
			}
		}
	})
}
