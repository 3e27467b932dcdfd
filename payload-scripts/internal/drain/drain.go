// Package drain sees that no work is under way that the stop of a service would cut off. It promises
// that work which does not end shuts no door, and that what cannot be counted is an error, not nothing.
package drain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/schema"
	"onerpm/payload-scripts/internal/stores"
)

const (
	drainEvery = 100 * time.Millisecond // between two counts
	drainQuiet = time.Second            // a worker takes up the next piece of work within that time
	drainBusy  = time.Minute            // longest wait, while serving, for quiet where work ends and begins anew
	drainLong  = 10 * time.Second       // work that has not ended for that long may never end
)

// Drain is the work of an attempt's services. The whole time that the
// spec grants passes while the product serves: the door is shut only when there is a chance
// that it is open again soon.
type Drain struct {
	*job.Job
	Schema *schema.Set
	Stores *stores.Set
	busy   map[string]bool // units that took up work again and again as long as clients came
}

// errBusy is work that ends, and begins anew.
var errBusy = errors.New("busy")

// ErrUnderWay is work that is still under way behind the shut door. It is open again soon, and another moment is looked for.
var ErrUnderWay = errors.New("work is under way behind the shut door")

// WhileServing waits until nothing has been under way for a while: between two pieces of work the
// count is 0 for a moment too. Clients that never pause keep a unit busy with work that ends and begins
// anew: then the shut door has to bring quiet. Work that does not end shuts no door.
func (d *Drain) WhileServing(ctx context.Context) error {
	d.busy = map[string]bool{}
	return d.each(ctx, d.quiet)
}

func (d *Drain) quiet(ctx context.Context, unit manifest.Service, count counter) error {
	err := d.wait(ctx, unit, count, drainQuiet, unit.Drain.Within.D())
	if errors.Is(err, errBusy) {
		d.busy[unit.Unit], err = true, nil
	}
	return err
}

// BehindTheDoor counts once more, right before the services are stopped. A unit that was not
// quiet before has to be now, for as long as a worker needs to take up the next piece. The error wraps ErrUnderWay when it
// is not: clients are not kept from the product for as long as some piece of work takes.
//
// Each unit is given within.
func (d *Drain) BehindTheDoor(ctx context.Context, within time.Duration) error {
	return d.each(ctx, func(ctx context.Context, unit manifest.Service, count counter) error {
		return d.stillUnderWay(ctx, unit, count, within)
	})
}

func (d *Drain) stillUnderWay(ctx context.Context, unit manifest.Service, count counter, within time.Duration) error {
	quiet := time.Duration(0)
	if d.busy[unit.Unit] {
		quiet = drainQuiet
	}
	return look(ctx, unit, count, quiet, drainEvery/5, func(left int64, waited time.Duration) (bool, error) {
		if waited < within+quiet {
			return false, nil
		}
		return true, fmt.Errorf("%w: %d things in %s", ErrUnderWay, left, unit.Unit)
	})
}

// look counts, pausing for every between two looks, until there was nothing for as long as quiet, or until giveUp, which is
// told each count and the time waited, says that it ends.
func look(ctx context.Context, unit manifest.Service, count counter, quiet, every time.Duration, giveUp func(left int64, waited time.Duration) (bool, error)) error {
	began := time.Now()
	for last := began; ; { // when there was work, as far as known
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
		if end, err := giveUp(left, now.Sub(began)); end {
			return err
		}
		if err := job.Pause(ctx, every); err != nil {
			return err
		}
	}
}

// GiveUp is what is to be done when no moment was found: an error, or a warning where the spec goes on all the same.
func (d *Drain) GiveUp(err error) error {
	for _, unit := range d.Manifest().Services {
		if unit.Drain != nil && unit.Drain.Else == "refuse" {
			return fmt.Errorf("%w, each time that the door was shut; start again when there is less to do", err)
		}
	}
	return d.Warn(err.Error() + ", each time that the door was shut; it was stopped all the same")
}

// counter tells how many pieces of work are under way.
type counter func(context.Context) (int64, error)

func (d *Drain) each(ctx context.Context, do func(context.Context, manifest.Service, counter) error) error {
	for _, unit := range d.Manifest().Services {
		if unit.Drain == nil {
			continue
		}
		if name := unit.Drain.Store; name != "" {
			if err := do(ctx, unit, d.Stores.Counter(name)); err != nil {
				return err
			}
			continue
		}
		spec, err := d.Schema.Named(unit.Drain.Database)
		if err != nil {
			return err
		}
		err = d.Schema.With(ctx, spec, func(db *database.DB) error {
			return do(ctx, unit, func(ctx context.Context) (int64, error) { return db.Count(ctx, unit.Drain.Query) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// wait counts until there was nothing for as long as quiet, at most for within. The error
// wraps errBusy when work ended lately and other work began.
func (d *Drain) wait(ctx context.Context, unit manifest.Service, count counter, quiet, within time.Duration) error {
	ended := -drainLong // when some of it ended, from the begin on
	before := int64(0)
	return look(ctx, unit, count, quiet, drainEvery, func(left int64, waited time.Duration) (bool, error) {
		if left < before {
			ended = waited
		}
		before = left
		busy := waited-ended < drainLong
		switch {
		case waited < within+quiet && (!busy || waited < drainBusy):
			return false, nil
		case busy:
			return true, fmt.Errorf("%s took up work again and again for %s; start again when it has less to do (%w)", unit.Unit, min(within, drainBusy), errBusy)
		case unit.Drain.Else == "proceed":
			return true, d.Warn(fmt.Sprintf("%s still had %d things under way after %s and was stopped all the same", unit.Unit, left, within))
		}
		return true, fmt.Errorf("%s still has %d things under way after %s; wait for them or cancel them, then start again", unit.Unit, left, within)
	})
}
