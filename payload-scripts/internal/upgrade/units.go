package upgrade

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

// units are the product's services in an attempt.
type units struct {
	*job.Job
	services  *service.Services
	started   bool     // this process has started the services of the side it goes to
	inhibitor *os.File // while it is open a shutdown waits; nil otherwise
}

// record notes how the units are.
func (u *units) record(ctx context.Context) error {
	before, err := u.services.Record(ctx)
	if err != nil {
		return err
	}
	return u.Journal.Update(func(r *journal.Record) { r.Services = before })
}

// before is how the units were.
func (u *units) before() journal.Services { return u.Journal.Record().Services }

func (u *units) mark(ctx context.Context) error {
	u.holdOffShutdown(ctx)
	return u.services.MarkWindow(ctx, u.before())
}

// markBack marks the window for the way back too, where a mark that cannot be written is
// no reason to stay half way: it matters only when the power fails meanwhile.
func (u *units) markBack(ctx context.Context) error {
	if err := u.services.MarkWindow(ctx, u.before()); err != nil {
		if ctx.Err() != nil {
			return err
		}
		slog.Warn("going back without the marks that keep units down over a reboot", "error", err)
	}
	return nil
}

func (u *units) stop(ctx context.Context) error { return u.services.Stop(ctx, u.before()) }

// stopSources stops what has the documents of a store, which are copied by then.
func (u *units) stopSources(ctx context.Context) error {
	return u.services.StopSources(ctx, u.before())
}

// startSources starts it on the way back, before all that writes to it.
func (u *units) startSources(ctx context.Context) error {
	return u.services.StartSources(ctx, manifest.Old, u.before())
}

func (u *units) start(ctx context.Context, side manifest.Side) error {
	if err := u.services.Start(ctx, side, u.before()); err != nil {
		return err
	}
	u.started = true
	return nil
}

// startAgain starts what does not run any more after a commit: a service may have died since it was
// asked, and a loss of power has ended them all.
func (u *units) startAgain(ctx context.Context, side manifest.Side) error {
	if u.started && u.services.Running(ctx, side, u.before()) == nil {
		return nil
	}
	return u.start(ctx, side)
}

// startDependents starts what ran because of the product's units.
func (u *units) startDependents(ctx context.Context) error {
	warnings, err := u.services.StartDependents(ctx, u.before())
	for _, w := range warnings {
		if err := u.Warn(w); err != nil {
			return err
		}
	}
	return err
}

// awaitOld is for an engine that resumes, perhaps after a boot: the first one has seen no service stop. It
// never fails a way back that has nothing left to do: a product that does not serve is told as a warning.
func (u *units) awaitOld(ctx context.Context) error {
	if u.Journal.Record().Starts == 1 {
		return nil
	}
	err := u.services.Await(ctx, manifest.Old, u.before())
	if err == nil || ctx.Err() != nil {
		return err
	}
	return u.Warn("the upgrade has stopped no service, and one is not well: " + err.Error())
}

func (u *units) unmark(ctx context.Context) error {
	u.allowShutdown()
	if err := os.RemoveAll(u.Attempt.RollbackRequest()); err != nil {
		return err
	}
	return u.services.Unmark(ctx, u.before())
}

// holdOffShutdown asks systemd, as a courtesy, to let nobody shut the machine down in the window.
func (u *units) holdOffShutdown(ctx context.Context) {
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

func (u *units) allowShutdown() {
	if u.inhibitor != nil {
		_ = u.inhibitor.Close()
		u.inhibitor = nil
	}
}
