package cli

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/installed"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/internal/machine"
)

// MachineOptions are what machine is asked.
type MachineOptions struct {
	Project  string
	Release  string
	Platform string // "" for the usual one
	Data     bool
	DiskMiB  int
	Stay     bool
	Source   SourceOptions
	Command  []string // none for a shell
}

func machineCommand(s *streams) *cli.Command {
	var o MachineOptions
	flags := []cli.Flag{
		&cli.StringFlag{Name: "release", Usage: "install `RELEASE` of the product", Destination: &o.Release},
		&cli.StringFlag{Name: "platform", Usage: "the machine is `NAME`: " + strings.Join(machine.Platforms(), ", "), Value: machine.Usual, Destination: &o.Platform},
		&cli.BoolFlag{Name: "data", Usage: "put data in, with the project's own " + installed.Folder + "/data.sh", DisableDefaultText: true, Destination: &o.Data},
		&cli.IntFlag{Name: "disk", Usage: "give the machine a disk of its own of so many `MiB`", DefaultText: "none", Destination: &o.DiskMiB},
		&cli.BoolFlag{Name: "stay", Usage: "print the command prefix that reaches the machine, and keep it until standard input ends", DisableDefaultText: true, Destination: &o.Stay},
	}
	return &cli.Command{
		Name:      "machine",
		Usage:     "boot a test machine with a release of the product, for a shell or a command",
		ArgsUsage: "[-- COMMAND...]",
		Description: "Boots a Debian with systemd, rpm and dnf in a container, installs the components that the release names, and\n" +
			"sets the product up as the project's folder " + installed.Folder + "/ says: packages, provides, setup.sh, data.sh, serves.sh.\n" +
			"Bundles in dist/ are found in its /root. When the shell or the command ends, the machine is gone; the exit code is the\n" +
			"command's. It needs root and Debian.",
		Flags: append(flags, sourceFlags(&o.Source)...),
		Action: func(c *cli.Context) (err error) {
			o.Command = c.Args().Slice()
			o.Platform, _, _ = strings.Cut(o.Platform, ".") // a release names the architecture too
			if err := needs(c, "release"); err != nil {
				return err
			}
			if o.Project, err = projectOf(c); err != nil {
				return err
			}
			return runMachine(c.Context, s, o)
		},
	}
}

// possible says why there can be no such machine here.
func (o MachineOptions) possible() error {
	if !slices.Contains(machine.Platforms(), o.Platform) {
		return exit.Errorf(exit.Usage, "a machine of another platform is certified on with bundler certify --via", "%q is no platform of the test machine; there are %s",
			o.Platform, strings.Join(machine.Platforms(), ", "))
	}
	err := machine.Needs()
	var lack *machine.LackError
	if errors.As(err, &lack) {
		return exit.With(exit.Machine, err, lack.Do)
	}
	return err
}

// release is the product's release, as it is installed.
func (o MachineOptions) release(s *streams) (*installed.Release, machine.System, error) {
	cat, _, err := release.LoadRelease(o.Project, o.Release)
	if err != nil {
		return nil, machine.System{}, err
	}
	r := cat.Releases[0]
	return installed.New(o.Project, r, func(ctx context.Context) ([]string, error) {
		var items []plan.Item
		for _, c := range r.Components {
			items = append(items, plan.ItemOf(cat, r, c))
		}
		files, err := fetchItems(ctx, s, cat, items, o.Source, nil)
		var paths []string
		for _, f := range files {
			paths = append(paths, f.Path)
		}
		return paths, err
	})
}

func runMachine(ctx context.Context, s *streams, o MachineOptions) (err error) {
	switch {
	case o.Stay && len(o.Command) > 0:
		return exit.Errorf(exit.Usage, "one of the two", "with --stay nothing is run in the machine: %s", strings.Join(o.Command, " "))
	case o.DiskMiB < 0 || o.DiskMiB > 0 && o.DiskMiB < machine.LeastDiskMiB:
		return exit.Errorf(exit.Usage, "", "--disk %d: at least %d MiB are needed", o.DiskMiB, machine.LeastDiskMiB)
	}
	r, system, err := o.release(s)
	if err != nil {
		return err
	}
	if o.Data && !r.HasData() {
		return exit.Errorf(exit.Usage, "write it, or leave --data out", "the project has no %s/data.sh", installed.Folder)
	}
	if err := o.possible(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP) // a terminal that is closed takes the machine along
	defer stop()
	if o.Stay {
		ctx = machine.UntilEnd(ctx, s.in)
	}
	r.Tell = notes(s)
	start := time.Now()
	m, err := machine.Boot(ctx, machine.Options{Platform: o.Platform, System: system, Release: r, Data: o.Data, DiskMiB: o.DiskMiB, Tell: notes(s)})
	if err != nil {
		return broke(ctx, err)
	}
	defer func() {
		if failed := m.Stop(); failed != nil && err == nil {
			err = exit.With(exit.Machine, failed, "")
		}
	}()
	if o.Stay {
		return broke(ctx, m.Stay(ctx, s.out))
	}
	packages, err := m.Bring(filepath.Join(o.Project, "dist"))
	if err != nil {
		return err
	}
	if len(o.Command) == 0 {
		what := o.Platform + " with release " + o.Release
		if o.Data {
			what += " and data"
		}
		m.Describe(s.err, what, time.Since(start), packages)
	}
	code, err := m.Session(ctx, o.Command, s.in, s.out, s.err)
	if err != nil {
		return broke(ctx, err)
	}
	if code != 0 {
		return exit.Errorf(code, "", "%s ended with exit code %d", o.Command[0], code)
	}
	return nil
}

// broke is why a machine could not be made or used; when it was interrupted, it is no machine's fault.
func broke(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("interrupted; the machine is gone: %w", context.Cause(ctx))
	}
	return exit.With(exit.Machine, err, "")
}
