package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
)

// CheckOptions are what check is asked.
type CheckOptions struct {
	Project string
	Jump    string // "" for all of versions/ and specs/ alone
	Source  SourceOptions
	JSON    bool
}

func checkCommand(s *streams) *cli.Command {
	var o CheckOptions
	return &cli.Command{
		Name:      "check",
		Usage:     "find every mistake in versions/ and specs/; with a jump, also in its packages",
		ArgsUsage: "[JUMP]",
		Description: "Without a jump, only files of the project are read. With a jump, its packages are\n" +
			"fetched and verified too, and it is checked that they fit together and that what\n" +
			"they run was thought about: all that build checks before it writes.",
		Flags: append([]cli.Flag{jsonFlag(&o.JSON)}, sourceFlags(&o.Source)...),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				o.Jump = args[0]
			}
			if o.Project, err = projectOf(c); err != nil {
				return err
			}
			return runCheck(c.Context, s, o)
		},
	}
}

// checkResult is what check tells programs.
type checkResult struct {
	OK       bool          `json:"ok"`
	Mistakes mistake.List  `json:"mistakes"` // in versions/ and specs/
	Problems plan.Problems `json:"problems"` // in the packages of the jump
}

func runCheck(ctx context.Context, s *streams, o CheckOptions) error {
	said, err := check(ctx, s, o)
	result := checkResult{OK: err == nil, Mistakes: mistake.List{}, Problems: plan.Problems{}}
	found := errors.As(err, &result.Mistakes) || errors.As(err, &result.Problems)
	if err != nil && !found {
		return err
	}
	if !o.JSON {
		if err != nil {
			return err
		}
		return s.print(said)
	}
	if e := s.printJSON(result); e != nil {
		return e
	}
	return exit.With(exit.Code(err), summary(err), "")
}

// check returns what to tell when all is well.
func check(ctx context.Context, s *streams, o CheckOptions) (string, error) {
	cat, err := release.Load(o.Project)
	if err != nil {
		return "", err
	}
	said := fmt.Sprintf("%s and %s: no mistake\n", plural(len(cat.Releases), "release"), plural(len(cat.Specs), "jump"))
	if o.Jump == "" {
		return said, nil
	}
	p, err := plan.Resolve(cat, o.Jump, "")
	if err != nil {
		return "", err
	}
	files, err := fetchItems(ctx, s, cat, p.Items(), o.Source)
	if err != nil {
		return "", err
	}
	if _, err := p.Check(headers(p, files)); err != nil {
		return "", err
	}
	return said + fmt.Sprintf("%s: %s fit together\n", o.Jump, plural(len(files), "package")), nil
}

// summary is an error without its list, which was shown before; nil stays nil.
func summary(err error) error {
	var mistakes mistake.List
	var problems plan.Problems
	switch {
	case errors.As(err, &mistakes):
		return fmt.Errorf("%s in versions/ and specs/", plural(len(mistakes), "mistake"))
	case errors.As(err, &problems):
		return fmt.Errorf("%s in the packages of the jump", plural(len(problems), "problem"))
	}
	return err
}
