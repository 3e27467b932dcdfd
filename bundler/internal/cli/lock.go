package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/fetch"
	"onerpm/bundler/internal/lock"
	"onerpm/bundler/internal/release"
)

// LockOptions are what lock is asked.
type LockOptions struct {
	Project string
	Release string
	Update  bool // also components that have a digest already
	Source  SourceOptions
	JSON    bool
}

func lockCommand(s *streams) *cli.Command {
	var o LockOptions
	flags := []cli.Flag{
		&cli.BoolFlag{Name: "update", Usage: "read all components anew, also those that have a digest", Destination: &o.Update},
		jsonFlag(&o.JSON),
	}
	return &cli.Command{
		Name:      "lock",
		Usage:     "pin the components of a release: fill in their digests and sizes",
		ArgsUsage: "RELEASE",
		Description: "Reads the components that have no digest yet, and writes sha256 and size into the\n" +
			"release's file. Comments, order and everything else in it stay as they are.",
		Flags:  append(flags, sourceFlags(&o.Source)...),
		Action: inProjectWith(&o.Project, &o.Release, func(c *cli.Context) error { return runLock(c.Context, s, o) }),
	}
}

func runLock(ctx context.Context, s *streams, o LockOptions) error {
	cat, file, err := release.LoadRelease(o.Project, o.Release)
	if err != nil {
		return err
	}
	l := lock.New(cat, file, o.Update)
	var files []fetch.File
	if items := l.Items(); len(items) > 0 {
		if files, err = fetchItems(ctx, s, cat, items, o.Source, nil); err != nil {
			return err
		}
	}
	results, err := l.Write(files)
	if err != nil {
		return err
	}
	if o.JSON {
		return s.printJSON(results)
	}
	rows := [][]string{{"COMPONENT", "EVR", "SIZE", "SHA256", ""}}
	for _, r := range results {
		rows = append(rows, []string{r.Name, r.EVR, fmt.Sprint(r.Size), r.SHA256, r.State})
	}
	return s.print(table("", rows))
}
