package window

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/service"
	"onerpm/payload-scripts/internal/systemd"
)

// Units are the product's services in an attempt.
type Units struct {
	*job.Job
	services  *service.Services
	started   bool     // this process has started the services of the side it goes to
	inhibitor *os.File // while it is open a shutdown waits; nil otherwise
}

// NewUnits returns those of an attempt; Close of their Door closes services.
func NewUnits(work *job.Job, services *service.Services) *Units {
	return &Units{Job: work, services: services}
}

// Record notes how the units are.
func (u *Units) Record(ctx context.Context) error {
	before, err := u.services.Record(ctx)
	if err != nil {
		return err
	}
	return u.Journal.Update(func(r *journal.Record) { r.Services = before })
}

// recorded is how the units were before the upgrade, as the journal has it.
func (u *Units) recorded() journal.Services { return u.Journal.Record().Services }

// Adopt puts the units of a side into the boot; systemd reads their new files.
func (u *Units) Adopt(ctx context.Context, side manifest.Side) error {
	return u.services.Adopt(ctx, side, u.recorded())
}

// Listen begins to listen to what the units of a side will say when they are started.
func (u *Units) Listen(ctx context.Context, side manifest.Side) error {
	return u.services.Listen(ctx, side, u.recorded())
}

// Mark keeps the units down over a reboot, from here to the end of the window.
func (u *Units) Mark(ctx context.Context) error {
	u.holdOffShutdown(ctx)
	return u.services.MarkWindow(ctx, u.recorded())
}

// MarkBack marks the window for the way back too, where a mark that cannot be written is
// no reason to stay half way: it matters only when the power fails meanwhile.
func (u *Units) MarkBack(ctx context.Context) error {
	if err := u.services.MarkWindow(ctx, u.recorded()); err != nil {
		if ctx.Err() != nil {
			return err
		}
		slog.Warn("going back without the marks that keep units down over a reboot", "error", err)
	}
	return nil
}

// Stop stops them.
func (u *Units) Stop(ctx context.Context) error { return u.services.Stop(ctx, u.recorded()) }

// StopSources stops what has the documents of a store, which are copied by then.
func (u *Units) StopSources(ctx context.Context) error {
	return u.services.StopSources(ctx, u.recorded())
}

// StartSources starts it on the way back, before all that writes to it.
func (u *Units) StartSources(ctx context.Context) error {
	return u.services.StartSources(ctx, manifest.Old, u.recorded())
}

// Start starts those of a side.
func (u *Units) Start(ctx context.Context, side manifest.Side) error {
	if err := u.services.Start(ctx, side, u.recorded()); err != nil {
		return err
	}
	u.started = true
	return nil
}

// StartAgain starts what does not run any more after a commit: a service may have died since it was
// asked, and a loss of power has ended them all.
func (u *Units) StartAgain(ctx context.Context, side manifest.Side) error {
	if u.started && u.services.Running(ctx, side, u.recorded()) == nil {
		return nil
	}
	return u.Start(ctx, side)
}

// StartDependents starts what ran because of the product's units.
func (u *Units) StartDependents(ctx context.Context) error {
	warnings, err := u.services.StartDependents(ctx, u.recorded())
	for _, w := range warnings {
		if err := u.Warn(w); err != nil {
			return err
		}
	}
	return err
}

// Confirm asks all units of the new release once more: one that was started first may have died since.
func (u *Units) Confirm(ctx context.Context) error {
	return u.services.Confirm(ctx, manifest.New, u.recorded())
}

// NotWell begins the warning of a way back that had nothing to start, and after which the product does not serve all the same.
const NotWell = "the upgrade has stopped no service, and one is not well: "

// AwaitOld is for an engine that resumes, perhaps after a boot: the first one has seen no service stop. It
// never fails a way back that has nothing left to do: a product that does not serve is reported as a warning.
func (u *Units) AwaitOld(ctx context.Context) error {
	if u.Journal.Record().Starts == 1 {
		return nil
	}
	err := u.services.Await(ctx, manifest.Old, u.recorded())
	if err == nil || ctx.Err() != nil {
		return err
	}
	return u.Warn(NotWell + err.Error())
}

// Unmark takes the marks of the window away, and what was held off because of it.
func (u *Units) Unmark(ctx context.Context) error {
	u.allowShutdown()
	if err := os.RemoveAll(u.Attempt.RollbackRequest()); err != nil {
		return err
	}
	return u.services.Unmark(ctx, u.recorded())
}

// holdOffShutdown asks systemd, as a courtesy, to let nobody shut the machine down in the window.
func (u *Units) holdOffShutdown(ctx context.Context) {
	if u.inhibitor != nil {
		return
	}
	m := u.Manifest()
	held, err := systemd.Inhibit(ctx, m.Prefix, fmt.Sprintf("%s is being upgraded from %s to %s", m.Product, m.From, m.To))
	if err != nil {
		slog.Warn("a shutdown is not held off", "error", err)
	}
	u.inhibitor = held
}

func (u *Units) allowShutdown() {
	if u.inhibitor != nil {
		_ = u.inhibitor.Close()
		u.inhibitor = nil
	}
}
