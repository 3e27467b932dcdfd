package upgrade

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/service"
)

// doorWait is how long the first answer of a door is waited for.
const doorWait = 2 * time.Second

// doorFindings tells of a door whose question is not answered while the product
// serves: then it can neither measure the window nor judge the opened door.
func doorFindings(ctx context.Context, m *manifest.Manifest) []finding.Finding {
	var out []finding.Finding
	for _, u := range m.Services {
		if !u.Door || u.Health == nil {
			continue
		}
		h := *u.Health
		h.Expect.JSON, h.Expect.Old = nil, nil
		if err := service.Ask(ctx, &h, manifest.Old); err != nil {
			out = append(out, finding.Finding{ID: "door-unanswered", Level: finding.Warn,
				What: fmt.Sprintf("%s lets clients in and does not answer as the bundle expects: %v", u.Unit, err),
				Do: "nothing if you gave it another address on purpose: the time out of service is then told by its stop and start, " +
					"and the opened door is not judged by that question; otherwise look why it does not serve"})
		}
	}
	return out
}

// closeDoor shuts the door while it is asked. The time of the last answer so far
// is on disk before the door is touched: a killed engine's window counts from it.
func (u *Upgrade) closeDoor(ctx context.Context) error {
	u.holdOffShutdown(ctx)
	u.probe.Stop()
	u.probe = u.services.Probe(context.WithoutCancel(ctx))
	answered := u.probe.Await(ctx, doorWait)
	known := !u.journal.Record().Closed.IsZero()
	err := u.journal.Update(func(r *journal.Record) {
		if known {
			return
		}
		if r.Closed, r.Probed = instant(answered), !answered.IsZero(); !r.Probed && u.probe != nil {
			r.Warnings = append(r.Warnings, "the door did not answer its health question before the upgrade: "+
				"the window is told by the door's stop and start, and the opened door is not judged by that question")
		}
	})
	if err != nil {
		return err
	}
	if err := u.services.CloseDoor(ctx); err != nil {
		return err
	}
	last, _ := u.probe.Mark()
	if last.IsZero() || known {
		return nil
	}
	return u.journal.Update(func(r *journal.Record) { r.Closed = instant(last) })
}

func (u *Upgrade) openNew(ctx context.Context) error { return u.openDoor(ctx, manifest.New) }
func (u *Upgrade) openOld(ctx context.Context) error { return u.openDoor(ctx, manifest.Old) }

// openDoor takes the mark away first: should the machine lose power now, it
// boots into the product.
func (u *Upgrade) openDoor(ctx context.Context, side manifest.Side) error {
	if u.probe == nil { // another engine shut it
		u.probe = u.services.Probe(context.WithoutCancel(ctx))
	} else if _, through := u.probe.Mark(); through > 0 && u.journal.Record().Reopened.IsZero() {
		if err := u.warn(fmt.Sprintf("the door's question was answered %d times while the door was shut: something else lets clients in", through)); err != nil {
			return err
		}
	}
	if err := u.services.OpenWindow(); err != nil {
		return err
	}
	rec := u.journal.Record()
	if err := u.services.OpenDoor(ctx, side, rec.Active, rec.Probed); err != nil {
		return err
	}
	var first time.Time
	if rec.Probed {
		first = u.probe.Await(ctx, doorWait)
	}
	u.probe.Stop()
	u.probe = nil
	return u.written(u.journal.Update(func(r *journal.Record) {
		if r.Reopened.IsZero() {
			r.Reopened, r.Probed = instant(first), r.Probed && !first.IsZero()
		}
	}))
}

// instant is how the journal notes a time: now when it is not known.
func instant(t time.Time) time.Time {
	if t.IsZero() {
		t = time.Now()
	}
	return t.UTC().Truncate(time.Millisecond)
}

func (u *Upgrade) warn(what string) error {
	slog.Warn(what)
	return u.journal.Update(func(r *journal.Record) { r.Warnings = append(r.Warnings, what) })
}

// holdOffShutdown asks systemd, as a courtesy, to let nobody shut the machine down in the window.
func (u *Upgrade) holdOffShutdown(ctx context.Context) {
	if u.held != nil {
		return
	}
	m := u.bundle.Manifest
	held, err := service.Inhibit(ctx, m.Prefix, fmt.Sprintf("%s is being upgraded from %s to %s", m.Product, m.From, m.To))
	if err != nil {
		slog.Warn("a shutdown is not held off", "error", err)
	}
	u.held = held
}

func (u *Upgrade) letShutdown() {
	if u.held != nil {
		_ = u.held.Close()
		u.held = nil
	}
}
