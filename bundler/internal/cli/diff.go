package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/diff"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
)

// DiffOptions are what diff is asked.
type DiffOptions struct {
	Project string
	Jump    string
	Files   bool // also the files of the packages, which have to be fetched for it
	Source  SourceOptions
	JSON    bool
}

func diffCommand(s *streams) *cli.Command {
	var o DiffOptions
	flags := []cli.Flag{
		&cli.BoolFlag{Name: "files", Usage: "also the packages' files, what becomes of those marked %config, and scriptlets; fetches the packages", Destination: &o.Files},
		jsonFlag(&o.JSON),
	}
	return &cli.Command{
		Name:      "diff",
		Usage:     "show what changes on a host",
		ArgsUsage: "JUMP",
		Flags:     append(flags, sourceFlags(&o.Source)...),
		Action:    inProjectWith(&o.Project, &o.Jump, func(c *cli.Context) error { return runDiff(c.Context, s, o) }),
	}
}

func runDiff(ctx context.Context, s *streams, o DiffOptions) error {
	cat, err := release.Load(o.Project)
	if err != nil {
		return err
	}
	p, err := plan.Resolve(cat, o.Jump, "")
	if err != nil {
		return err
	}
	result, err := diff.Of(p)
	if err != nil {
		return err
	}
	if o.Files {
		files, err := fetchItems(ctx, s, cat, p.Items(), o.Source, nil)
		if err != nil {
			return err
		}
		h := headers(p, files)
		result.Files, result.Marked, result.Scripts = diff.Files(p, h), diff.ConfigFiles(p, h), diff.Scripts(p, h)
	}
	if o.JSON {
		return s.printJSON(result)
	}
	return s.print(diffText(result, colours(s, s.out)))
}
