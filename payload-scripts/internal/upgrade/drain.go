package upgrade

import (
	"context"
	"fmt"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
)

const (
	drainEvery = 100 * time.Millisecond // between two counts
	drainQuiet = time.Second            // a worker takes up the next piece of work within that time
	drainShut  = 10 * time.Second       // longest wait for what was taken up while the door was being shut
)

// drain sees that no work is under way that the stop of a service would cut off. The whole time that the
// spec grants passes while the product serves: the door is shut only when there is a chance
// that it is open again soon.
type drain struct {
	*job
	schema *schema
}

// whileServing waits until nothing has been under way for a while: between two pieces of work the
// count is 0 for a moment too.
func (d *drain) whileServing(ctx context.Context) error {
	return d.each(ctx, func(unit manifest.Service, count counter) error {
		return d.wait(ctx, unit, count, drainQuiet, unit.Drain.Within.D())
	})
}

// behindTheDoor counts once more, right before the services are stopped.
func (d *drain) behindTheDoor(ctx context.Context) error {
	return d.each(ctx, func(unit manifest.Service, count counter) error {
		return d.wait(ctx, unit, count, 0, min(drainShut, unit.Drain.Within.D()))
	})
}

// counter tells how many pieces of work are under way.
type counter func(context.Context) (int64, error)

func (d *drain) each(ctx context.Context, do func(manifest.Service, counter) error) error {
	for _, unit := range d.manifest().Services {
		if unit.Drain == nil {
			continue
		}
		spec, err := d.schema.named(unit.Drain.Database)
		if err != nil {
			return err
		}
		err = d.schema.with(ctx, spec, func(db *database.DB) error {
			return do(unit, func(ctx context.Context) (int64, error) { return db.Count(ctx, unit.Drain.Query) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// wait counts until there was nothing for as long as quiet, at most for within.
func (d *drain) wait(ctx context.Context, unit manifest.Service, count counter, quiet, within time.Duration) error {
	began := time.Now()
	last := began // when there was work, as far as known
	for {
		left, err := count(ctx)
		now := time.Now()
		switch {
		case err != nil:
			return fmt.Errorf("count the work under way in %s: %w", unit.Unit, err)
		case left > 0:
			last = now
		case now.Sub(last) >= quiet:
			return nil
		}
		if now.Sub(began) >= within+quiet {
			proceed := unit.Drain.Else == "proceed"
			what := fmt.Sprintf("still has %d things under way after %s", left, within)
			switch {
			case left == 0:
				what = fmt.Sprintf("took up work again and again for %s", within)
			case proceed:
				what = fmt.Sprintf("still had %d things under way after %s", left, within)
			}
			if proceed {
				return d.warn(unit.Unit + " " + what + " and was stopped all the same")
			}
			return fmt.Errorf("%s %s; wait for them or cancel them, then start again", unit.Unit, what)
		}
		if err := pause(ctx, drainEvery); err != nil {
			return err
		}
	}
}
