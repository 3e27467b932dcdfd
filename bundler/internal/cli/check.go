package cli

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/release"
)

// CheckOptions are what check is asked.
type CheckOptions struct {
	Project string
	Jump    string // "" for all of versions/ and specs/ alone
	JSON    bool
}

func checkCommand(s *streams) *cli.Command {
	var o CheckOptions
	return &cli.Command{
		Name:      "check",
		Usage:     "find every mistake in versions/ and specs/; with a jump, also in its packages",
		ArgsUsage: "[JUMP]",
		Flags:     []cli.Flag{jsonFlag(&o.JSON)},
		Action: func(c *cli.Context) error {
			_, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			if o.Project, err = projectOf(c); err != nil {
				return err
			}
			o.Jump = c.Args().First()
			return runCheck(s, o)
		},
	}
}

// checkResult is what check tells programs.
type checkResult struct {
	OK       bool         `json:"ok"`
	Mistakes mistake.List `json:"mistakes"`
}

func runCheck(s *streams, o CheckOptions) error {
	cat, err := release.Load(o.Project)
	list := mistake.List{}
	if err != nil && !errors.As(err, &list) {
		return err
	}
	if err == nil && o.Jump != "" {
		_, err = cat.Spec(o.Jump)
		if err != nil {
			return err
		}
	}
	if o.JSON {
		if e := s.printJSON(checkResult{OK: err == nil, Mistakes: list}); e != nil {
			return e
		}
		if err != nil {
			return exit.Errorf(exit.Spec, "", "%s in versions/ and specs/", plural(len(list), "mistake"))
		}
		return nil
	}
	if err != nil {
		return err
	}
	return s.print(fmt.Sprintf("%s and %s: no mistake\n", plural(len(cat.Releases), "release"), plural(len(cat.Specs), "jump")))
}
