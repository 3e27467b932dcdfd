// Package window is the services of an attempt and the doors that let clients in: from the last
// answer before the door is shut to the first one after it is open, the product does not serve. Both
// ends of the window are on disk before anything depends on them.
package window

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/service"
)

// doorWait is how long the first answer of a door is waited for.
const doorWait = 2 * time.Second

// Door is the units that let clients in.
type Door struct {
	*Units
	probe *service.Probe // asks the door from before it is shut until after it is open; nil otherwise
}

// Shut shuts the door while it is asked. The time of the last answer so far
// is on disk before the door is touched: a killed engine's window counts from it.
func (d *Door) Shut(ctx context.Context) error {
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
				"the window is estimated from service stop/start, and that question does not check the opened door")
		}
	})
	if err != nil {
		return err
	}
	if err := d.services.CloseDoor(ctx, d.recorded()); err != nil {
		return err
	}
	last := d.probe.Mark()
	if last.IsZero() || known {
		return nil
	}
	return d.Journal.Update(func(r *journal.Record) { r.Closed = instant(last) })
}

// StayedShut fails when the door's question was answered since the door was shut: then clients were
// let in, by something that the upgrade does not know, and the commit would come too late.
func (d *Door) StayedShut(context.Context) error {
	if through := d.probe.Count(); through > 0 {
		return fmt.Errorf("the door's question was answered %d times while the door was shut: something else than %s lets clients in; "+
			"shut that too, or correct the question's address in the bundle", through, strings.Join(d.services.Doors(), ", "))
	}
	return nil
}

// Open takes the mark away first: should the machine lose power now, it
// boots into the product.
func (d *Door) Open(ctx context.Context, side manifest.Side) error {
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

// Close ends what asks the door, and what its units work with; a shutdown is not held off any more.
func (d *Door) Close() {
	d.probe.Stop()
	d.allowShutdown()
	d.services.Close()
}

// instant is how the journal notes a time: now when it is not known.
func instant(t time.Time) time.Time {
	if t.IsZero() {
		t = time.Now()
	}
	return t.UTC().Truncate(time.Millisecond)
}

// ErrServing says that the product serves although an attempt has yet to make everything old.
var ErrServing = errors.New("clients are let in")

// CheckDoorsClosed fails with ErrServing when a door runs.
func CheckDoorsClosed(ctx context.Context, s *service.Services, m *manifest.Manifest, r journal.Record) error {
	open, err := s.OpenDoors(ctx)
	if err != nil || len(open) == 0 {
		return err
	}
	return fmt.Errorf("%w by %s, which the upgrade has stopped: what they have written since then would be gone, because going on puts %s back to what it was at %s; "+
		"save what was written, stop %[2]s, then start again",
		ErrServing, strings.Join(open, ", "), strings.Join(append([]string{"packages and configuration"}, m.State...), ", "), r.Closed.Local().Format("2006-01-02 15:04"))
}
