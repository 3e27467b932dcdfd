package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/release"
)

// PathsOptions are what paths is asked.
type PathsOptions struct {
	Project string
	From    string
	To      string // "" for as far as there is a way
	JSON    bool
}

func pathsCommand(s *streams) *cli.Command {
	var o PathsOptions
	return &cli.Command{
		Name:      "paths",
		Usage:     "list the jumps from one release to another, in order",
		ArgsUsage: "FROM [TO]",
		Flags:     []cli.Flag{jsonFlag(&o.JSON)},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 2)
			if err != nil {
				return err
			}
			if o.Project, err = projectOf(c); err != nil {
				return err
			}
			o.From = args[0]
			if len(args) == 2 {
				o.To = args[1]
			}
			return runPaths(s, o)
		},
	}
}

// pathJump is one jump of a way.
type pathJump struct {
	Jump      string `json:"jump"`
	From      string `json:"from"`
	To        string `json:"to"`
	Bundle    string `json:"bundle"`    // the RPM that makes the jump, name-version-release
	Status    string `json:"status"`    // of the release it leads to
	Customers int    `json:"customers"` // that still run the release it starts from, as versions/installed-base.yaml says
}

func runPaths(s *streams, o PathsOptions) error {
	cat, err := release.Load(o.Project)
	if err != nil {
		return err
	}
	route, err := cat.Route(o.From, o.To)
	if err != nil {
		return err
	}
	jumps := []pathJump{}
	for _, name := range route {
		spec, err := cat.Spec(name)
		if err != nil {
			return err
		}
		jump := pathJump{Jump: name, From: spec.From, To: spec.To, Status: cat.Release(spec.To).Status,
			Bundle: fmt.Sprintf("%s-%s-%s-%d", cat.Product.Prefix, spec.To, spec.To, spec.Revision)}
		for _, base := range cat.Base {
			if base.Release == spec.From {
				jump.Customers = base.Customers
			}
		}
		jumps = append(jumps, jump)
	}
	if o.JSON {
		return s.printJSON(jumps)
	}
	if len(jumps) == 0 {
		return s.print("nothing to do: " + o.From + " is where it should be\n")
	}
	rows := [][]string{{"JUMP", "BUNDLE", "LEADS TO", "CUSTOMERS AT THE START"}}
	for _, j := range jumps {
		rows = append(rows, []string{j.Jump, j.Bundle, j.To + " (" + j.Status + ")", fmt.Sprint(j.Customers)})
	}
	return s.print(table("", rows))
}
