package upgrade

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/hostcheck"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/moves"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/service"
)

// fileSet is the configuration and the state of the product in an attempt.
type fileSet struct {
	*job.Job
	set      *files.Set
	packages *packages.Set
	services *service.Services
	moves    *moves.Set
}

func (f *fileSet) backup(ctx context.Context) error {
	if err := hostcheck.AddPackaged(f.set, f.Bundle, f.packages); err != nil {
		return err
	}
	var err error
	if f.set.Others, err = f.packages.AllPaths(); err != nil {
		return err
	}
	more, err := f.moves.Paths()
	if err != nil {
		return err
	}
	for _, path := range more { // of all that is in them, too
		f.set.Others = append(f.set.Others, path, filepath.Join(path, "all"))
	}
	if err := f.set.Prepare(ctx); err != nil {
		return err
	}
	return f.set.SaveState(ctx)
}

// awaitMounts waits, after a boot, until the product's files lie on the file systems
// that they lay on before.
func (f *fileSet) awaitMounts(ctx context.Context) error { return f.set.AwaitMounts(ctx) }

func (f *fileSet) saveState(ctx context.Context) error { return f.set.SaveState(ctx) }

// converge makes the files those of a side, and then the units that start at boot.
func (f *fileSet) converge(ctx context.Context, side manifest.Side) error {
	before := f.Journal.Record().Services
	if err := f.services.DisableUnits(ctx, side, before); err != nil {
		return err
	}
	if err := f.set.Converge(ctx, side); err != nil {
		return err
	}
	if side == manifest.Old {
		if err := f.packages.RemoveFolders(); err != nil {
			return err
		}
	}
	f.log(side)
	if side == manifest.New {
		return nil // its units are put into the boot beside what takes longer
	}
	return f.services.Adopt(ctx, side, before)
}

// log writes what became of each configuration file, in columns.
func (f *fileSet) log(side manifest.Side) {
	changes, err := f.set.Changes()
	if err != nil {
		slog.Warn("what became of the configuration files is not known", "error", err)
		return
	}
	for _, c := range changes {
		did := string(c.Did)
		if side == manifest.Old {
			did = "restored"
		}
		whose := c.Package
		if whose != "" {
			whose = "  (" + whose + ")"
		}
		slog.Info(fmt.Sprintf("%-9s  %s%s", did, c.Target, whose))
	}
}
