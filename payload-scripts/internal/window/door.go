// Package window is the services of an attempt and the doors that let clients in: from the last
// answer before the door is shut to the first one after it is open, the product does not serve. Both
// ends of the window are on disk before anything depends on them.
package window

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/internal/unit"
	"onerpm/payload-scripts/internal/advice"
	"onerpm/payload-scripts/internal/hold"
	"onerpm/payload-scripts/internal/idle"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/service"
)

// doorWait is how long the first answer of a door is waited for.
const doorWait = 2 * time.Second

// Door is the units that let clients in.
type Door struct {
	*Units
	Hold  hold.Hold      // keeps new clients waiting while the door is shut; no ports: they are turned away
	probe *service.Probe // asks the door from before it is shut until after it is open; nil otherwise
	tried bool           // this process has opened the new release's door behind the held ports
}

// PrepareHold finds out whether this host can keep clients waiting, and does what can be done for it before the door is shut.
func (d *Door) PrepareHold(ctx context.Context) error {
	if len(d.Hold.Ports) == 0 {
		return nil
	}
	ports, err := hold.Listening(d.Hold.Ports)
	if err == nil && len(ports) == 0 {
		err = fmt.Errorf("nobody listens on %v", d.Hold.Ports)
	}
	h := d.Hold
	h.Ports = ports
	if err == nil {
		err = h.Possible(ctx)
	}
	if err == nil {
		err = h.Prepare(ctx)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return d.Warn("clients that come while the door is shut are turned away, because they cannot be kept waiting here: " + err.Error())
	}
	return d.Journal.Update(func(r *journal.Record) { r.Hold = ports })
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
	if err := d.services.Guard(ctx, d.recorded()); err != nil { // takes systemd a while, and clients are served meanwhile
		return err
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
	held, err := d.hold(ctx)
	if err != nil {
		return err
	}
	closed := time.Now()
	if held {
		if err := d.settle(ctx); err != nil {
			return err
		}
	}
	cut := -1
	d.services.Killing = func() {
		if n, err := d.Hold.Cut(); err == nil {
			cut = n
		}
	}
	err = d.services.CloseDoor(ctx, d.recorded())
	d.services.Killing = nil
	if err != nil {
		return err
	}
	if cut >= 0 {
		if err := d.Warn(fmt.Sprintf("%d connections were cut, whose requests had not ended in the time that the door is given", cut)); err != nil {
			return err
		}
	}
	last := d.probe.Mark()
	if held { // though those that were connected already were served until later
		last = closed
	}
	if last.IsZero() || known {
		return nil
	}
	return d.Journal.Update(func(r *journal.Record) { r.Closed = instant(last) })
}

// settle ends what would be lost when the door stops, and is none of a client's that waits for its answer: handshakes that are not over
// yet, and connections that are kept for later.
func (d *Door) settle(ctx context.Context) error {
	h := d.Hold
	h.Ports = d.Journal.Record().Hold
	if err := h.AwaitHandshakes(ctx); err != nil {
		return err
	}
	for _, name := range d.services.Doors() {
		n, err := idle.End(unit.Name(name), h.Ports, idle.Quiet)
		if err != nil { // an old kernel, or a rule of SELinux's: the door ends them itself
			slog.Info("its idle connections are left to itself", "unit", name, "because", err)
			continue
		}
		slog.Info("ended idle connections", "unit", name, "connections", n)
	}
	return nil
}

// hold keeps new clients waiting from now on, where that can be done. It reports whether it is.
func (d *Door) hold(ctx context.Context) (bool, error) {
	h := d.Hold
	if h.Ports = d.Journal.Record().Hold; len(h.Ports) == 0 {
		return false, nil
	}
	h.Shut = d.Hold.Ports
	err := h.Begin(ctx)
	if err == nil {
		return true, nil
	}
	_, releaseErr := d.Hold.Release(context.WithoutCancel(ctx))
	if errors.Is(releaseErr, hold.ErrNoAnswer) {
		releaseErr = nil // the new clients are let on
	}
	if err := errors.Join(ctx.Err(), releaseErr); err != nil {
		return false, err
	}
	return false, d.Warn("clients that came while the door was shut were turned away, because they could not be kept waiting: " + err.Error())
}

// Try starts the new release's door while its clients are held, and asks it: what the commit adds is the clients
// alone. Where they cannot be held the door is not tried, as it would let them in.
func (d *Door) Try(ctx context.Context) error {
	if len(d.Journal.Record().Hold) == 0 {
		return nil
	}
	held, err := d.Hold.Active(ctx)
	if err != nil || !held {
		return err
	}
	if err := d.services.TryDoor(ctx, d.recorded(), d.Journal.Record().Probed); err != nil {
		return err
	}
	if held, err = d.Hold.Active(ctx); err != nil {
		return err
	}
	if !held {
		return errors.New("clients are not kept from the new release's door any more: something has taken the upgrade's rules out of the kernel, " +
			"as `nft flush ruleset` and a restart of the firewall do; see that nothing does so in the window, then start again")
	}
	d.tried = true
	return nil
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
	if !d.tried || side == manifest.Old || d.services.DoorsServe(ctx, side, rec.Services) != nil {
		if err := d.services.OpenDoor(ctx, side, rec.Services, rec.Probed); err != nil {
			return err
		}
	}
	released, err := d.release(ctx)
	if err != nil {
		return err
	}
	var first time.Time
	switch {
	case rec.Probed && released: // the door has answered before
		first = time.Now()
	case rec.Probed:
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

// Reopen opens the old release's door that was shut a moment ago: nothing has changed, and the window has yet to begin.
func (d *Door) Reopen(ctx context.Context) error {
	if err := d.Open(ctx, manifest.Old); err != nil {
		return err
	}
	return d.Journal.Update(func(r *journal.Record) { r.Closed, r.Reopened, r.Probed = time.Time{}, time.Time{}, false })
}

// release lets clients in that wait. It is done whatever the journal says: an engine that was killed may not have noted
// what it began. It reports whether clients were waiting.
func (d *Door) release(ctx context.Context) (bool, error) {
	if len(d.Hold.Ports) == 0 {
		return false, nil
	}
	s, err := d.Hold.Release(ctx)
	if errors.Is(err, hold.ErrNoAnswer) {
		return true, d.Warn(err.Error() + "; clients that waited may be turned away")
	}
	if err != nil || s == nil {
		return false, err
	}
	return true, d.Journal.Update(func(r *journal.Record) {
		r.Clients = &journal.Clients{Taken: s.Taken, Left: s.Left, TimedOut: s.TimedOut, Failed: s.Failed, Answered: s.Answered, Longest: s.Longest}
	})
}

// Unmark takes the marks of the window away, and what was made ready for clients that were to wait and never had to.
func (d *Door) Unmark(ctx context.Context) error {
	if len(d.Hold.Ports) > 0 {
		if err := d.Hold.Forget(ctx); err != nil {
			return err
		}
	}
	return d.Units.Unmark(ctx)
}

// GiveUp is for an attempt that needs a person: clients are not kept waiting for one. They are let to the door that serves,
// or turned away; only a door that is being tried before the commit is kept from them.
func (d *Door) GiveUp(ctx context.Context) error {
	rec := d.Journal.Record()
	if rec.Phase != journal.Opening && !rec.Restored && rec.Phase != journal.Preparing {
		open, err := d.services.OpenDoors(ctx)
		if err != nil {
			return err
		}
		if len(open) > 0 {
			if held, err := d.Hold.Active(ctx); err != nil || !held {
				return err
			}
			return d.Warn(fmt.Sprintf("clients are kept from %s, which is being tried: each waits until this attempt is resumed, and is turned away after %s",
				strings.Join(open, ", "), hold.LongestWait))
		}
	}
	_, err := d.release(ctx)
	return err
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
	if h := hold.Of(m, s.Places(), nil); len(h.Ports) > 0 {
		if held, err := h.Active(ctx); err != nil || held { // a door that was being tried: nobody came through it
			return err
		}
	}
	doors := strings.Join(open, ", ")
	return advice.With(fmt.Errorf("%w by %s, which the upgrade has stopped: what they have written since then would be gone, because going on puts %s back to what it was at %s",
		ErrServing, doors, strings.Join(append([]string{"packages and configuration"}, m.State...), ", "), r.Closed.Local().Format("2006-01-02 15:04")),
		"save what was written, stop %s, then start again", doors)
}
