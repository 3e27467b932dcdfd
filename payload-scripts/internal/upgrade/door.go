package upgrade

import (
	"context"
	"fmt"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/service"
)

// doorWait is how long the first answer of a door is waited for.
const doorWait = 2 * time.Second

// door is the units that let clients in.
type door struct {
	*units
	probe *service.Probe // asks the door from before it is shut until after it is open; nil otherwise
}

// shut shuts the door while it is asked. The time of the last answer so far
// is on disk before the door is touched: a killed engine's window counts from it.
func (d *door) shut(ctx context.Context) error {
	d.holdOffShutdown(ctx)
	d.probe.Stop()
	d.probe = d.services.Probe(context.WithoutCancel(ctx))
	answered := d.probe.Await(ctx, doorWait)
	if err := ctx.Err(); err != nil {
		return err // the wait was ended: no answer says nothing of the door, which is open
	}
	known := !d.Journal.Record().Closed.IsZero()
	err := d.Journal.Update(func(r *journal.Record) {
		if known {
			return
		}
		if r.Closed, r.Probed = instant(answered), !answered.IsZero(); !r.Probed && d.probe != nil {
			r.Warnings = append(r.Warnings, "the door did not answer its health question before the upgrade: "+
				"the window is told by the door's stop and start, and the opened door is not judged by that question")
		}
	})
	if err != nil {
		return err
	}
	if err := d.services.CloseDoor(ctx, d.before()); err != nil {
		return err
	}
	last := d.probe.Mark()
	if last.IsZero() || known {
		return nil
	}
	return d.Journal.Update(func(r *journal.Record) { r.Closed = instant(last) })
}

// stayedShut fails when the door's question was answered since the door was shut: then clients were
// let in, by something that the upgrade does not know, and the commit would come too late.
func (d *door) stayedShut(context.Context) error {
	if through := d.probe.Count(); through > 0 {
		return fmt.Errorf("the door's question was answered %d times while the door was shut: something else than %s lets clients in; "+
			"shut that too, or correct the question's address in the bundle", through, strings.Join(d.services.Doors(), ", "))
	}
	return nil
}

// open takes the mark away first: should the machine lose power now, it
// boots into the product.
func (d *door) open(ctx context.Context, side manifest.Side) error {
	if d.probe == nil { // another engine shut it
		d.probe = d.services.Probe(context.WithoutCancel(ctx))
	}
	d.probe.Mark()
	if err := d.services.OpenWindow(); err != nil {
		return err
	}
	rec := d.Journal.Record()
	if err := d.services.OpenDoor(ctx, side, rec.Services, rec.Probed); err != nil {
		return err
	}
	var first time.Time
	if rec.Probed {
		first = d.probe.Await(ctx, doorWait)
	}
	d.probe.Stop()
	d.probe = nil
	return d.Journal.Update(func(r *journal.Record) {
		if r.Reopened.IsZero() {
			r.Reopened, r.Probed = instant(first), r.Probed && !first.IsZero()
		}
	})
}

// instant is how the journal notes a time: now when it is not known.
func instant(t time.Time) time.Time {
	if t.IsZero() {
		t = time.Now()
	}
	return t.UTC().Truncate(time.Millisecond)
}
