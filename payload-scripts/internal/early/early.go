// Package early brings, while the old release serves, what the new one only adds: packages, and
// services of theirs with their data. On the way back all of it is gone, as it was not there before.
//
// It promises: nothing that the host had is touched, because there must be nothing where the
// packages and their services put something; each way may be stopped anywhere and gone again; a
// setup that was cut short begins anew without its folders; and of the way back that nothing is left.
package early

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/hook"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/service"
	"onerpm/payload-scripts/internal/tree"
)

// Early is what comes early in an attempt.
type Early struct {
	Packages *packages.Set           // nil: nothing comes early
	Units    []manifest.EarlyService // of the packages, in start order
	Services *service.Services
	Room     hook.Room // where setups run
	Journal  *journal.Journal
	Options  packages.Options
}

// Install installs the packages. That it begins is on disk before it does, and so is what is not
// there before.
func (e *Early) Install(ctx context.Context) error {
	if e.Packages == nil {
		return nil
	}
	if !e.Journal.Record().Early {
		if err := os.MkdirAll(e.Packages.Var, 0o700); err != nil {
			return err
		}
		if _, err := e.Packages.Record(ctx); err != nil {
			return fmt.Errorf("install the early packages: %w", err)
		}
		if err := host.SyncFS(e.Packages.Var); err != nil {
			return err
		}
		if err := e.Journal.Update(func(r *journal.Record) { r.Early = true }); err != nil {
			return err
		}
	}
	return e.Packages.Converge(ctx, manifest.New, e.Options)
}

// Start sets the services up, each once, and starts them. They are in the boot from then on.
func (e *Early) Start(ctx context.Context) error {
	for _, u := range e.Units {
		if err := e.setUp(ctx, u); err != nil {
			return fmt.Errorf("set %s up: %w", u.Unit, err)
		}
		if err := e.Services.StartEarly(ctx, u.Unit); err != nil {
			return err
		}
	}
	return nil
}

// setUp makes a service's data, unless that was done to its end.
func (e *Early) setUp(ctx context.Context, u manifest.EarlyService) error {
	words := strings.Fields(u.Setup)
	if len(words) == 0 || slices.Contains(e.Journal.Record().EarlySetup, u.Unit) {
		return nil
	}
	if err := e.Room.EndLeftovers(ctx); err != nil { // of one that was cut short
		return err
	}
	if err := e.empty(u); err != nil {
		return err
	}
	if err := e.Room.Command(ctx, words, u.Timeout.D()); err != nil {
		return err
	}
	if err := host.SyncFS(e.onHost(u.Makes)...); err != nil {
		return err
	}
	return e.Journal.Update(func(r *journal.Record) { r.EarlySetup = append(r.EarlySetup, u.Unit) })
}

// Remove takes everything away again that Install and Start brought, or began to.
func (e *Early) Remove(ctx context.Context) error {
	if e.Packages == nil || !e.Journal.Record().Early {
		return nil
	}
	if err := e.Packages.RPM.WaitLock(ctx); err != nil { // rpm outlives an engine that is killed, and its scriptlets may start units
		return err
	}
	for _, u := range slices.Backward(e.Units) {
		if err := e.Services.StopEarly(ctx, u.Unit); err != nil {
			return err
		}
	}
	if err := e.Room.EndLeftovers(ctx); err != nil {
		return err
	}
	for _, u := range e.Units {
		if err := e.empty(u); err != nil {
			return fmt.Errorf("remove the data of %s: %w", u.Unit, err)
		}
	}
	if err := e.Packages.Converge(ctx, manifest.Old, e.Options); err != nil {
		return err
	}
	left, err := e.Packages.Conflicting()
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("remove the early packages: these are still there: %s", strings.Join(left, ", "))
	}
	return e.Services.Reload(ctx)
}

// empty removes all that is in the folders of a service, and the folders, as they were not there before; one may be a package's.
func (e *Early) empty(u manifest.EarlyService) error {
	packaged, err := e.Packages.Paths(manifest.New)
	if err != nil {
		return err
	}
	for _, name := range u.Makes {
		path := e.Packages.RPM.Path(name)
		host.Point("empty", path)
		dir, err := host.OpenDir(path)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			continue
		}
		if err != nil {
			return err
		}
		names, err := dir.Readdirnames(-1)
		for _, name := range names {
			if err == nil {
				err = tree.Remove(dir, name)
			}
		}
		_ = dir.Close()
		if err != nil {
			return err
		}
		if err := host.SyncDir(path); err != nil {
			return err
		}
		if _, is := packaged[name]; is {
			continue
		}
		if err := host.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// onHost are paths of the host as this process sees them.
func (e *Early) onHost(paths []string) []string {
	all := make([]string, len(paths))
	for i, p := range paths {
		all[i] = e.Packages.RPM.Path(p)
	}
	return all
}
