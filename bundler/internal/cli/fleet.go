package cli

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/fleet"
)

// FleetOptions are what fleet is asked.
type FleetOptions struct {
	Dir  string // of the answers
	HTML string // file of the page, "" for none
	JSON bool
}

func fleetCommand(s *streams) *cli.Command {
	var o FleetOptions
	return &cli.Command{
		Name:      "fleet",
		Usage:     "tell where the machines of a fleet are, out of their reports",
		ArgsUsage: "report DIR",
		Description: "Reads what machines answered when they were upgraded: NAME.json of report --json, the\n" +
			"folders that the Ansible collection fetches, or a copy of the bucket that AWS Systems\n" +
			"Manager writes to. Machines that somebody has to look at come first.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "html", Usage: "also write a page into `FILE`", Destination: &o.HTML},
			jsonFlag(&o.JSON),
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 2, 2)
			if err != nil {
				return err
			}
			if args[0] != "report" {
				return exit.Errorf(exit.Usage, "run bundler fleet report DIR", "fleet does not know the word %q", args[0])
			}
			o.Dir = args[1]
			return runFleet(s, o)
		},
	}
}

func runFleet(s *streams, o FleetOptions) error {
	f, err := fleet.Read(o.Dir)
	if err != nil {
		return exit.With(exit.Usage, err, "name the folder that the reports were fetched into")
	}
	if len(f.Machines) == 0 {
		return exit.Errorf(exit.Usage, "fetch reports into it first", "%s has no answer of any machine", o.Dir)
	}
	if o.HTML != "" {
		var page bytes.Buffer
		if err := f.Render(&page); err != nil {
			return err
		}
		if err := writeWhole(o.HTML, page.Bytes()); err != nil {
			return err
		}
	}
	if o.JSON {
		return s.printJSON(f)
	}
	var b strings.Builder
	b.WriteString(table("", f.Table()))
	if len(f.Causes) > 0 {
		rows := [][]string{{"MACHINES", "STATE", "CAUSE"}}
		for _, c := range f.Causes {
			rows = append(rows, []string{fmt.Sprint(len(c.Machines)), c.State.Label(), c.What})
		}
		b.WriteString("\n" + table("", rows))
	}
	for i, skipped := range f.Skipped {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "skipped %s: %s\n", skipped.File, skipped.Why)
	}
	b.WriteString("\n" + f.Summary() + "\n")
	return s.print(b.String())
}
