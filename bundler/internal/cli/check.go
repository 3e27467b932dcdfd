package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/certify"
	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/installed"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/payload-scripts/measure"
)

// CheckOptions are what check is asked.
type CheckOptions struct {
	Project string
	Jump    string // "" for all of versions/ and specs/ alone
	Source  SourceOptions
	JSON    bool

	Database DatabaseOptions // where to try the jump's migrations
}

func checkCommand(s *streams) *cli.Command {
	var o CheckOptions
	return &cli.Command{
		Name:      "check",
		Usage:     "find every mistake in versions/ and specs/; with a jump, also in its packages",
		ArgsUsage: "[JUMP]",
		Description: "Without a jump, only files of the project are read. With a jump, its packages are\n" +
			"fetched and verified too, and it is checked that they fit together, that the rpm of\n" +
			"every platform can read them and can get from one set to the other and back, and that the\n" +
			"spec says of each scriptlet and trigger whether it may run: all that build checks before\n" +
			"it writes.\n\n" +
			"With --database, the jump's migrations are tried on a copy of that database, which lies\n" +
			"beside it and is removed afterwards: up, down and up again, by the engine's own code. It\n" +
			"reports statements that read or rewrite tables at the wrong time, and a schema that is not\n" +
			"restored on the way back.",
		Flags: append(append([]cli.Flag{jsonFlag(&o.JSON)}, databaseFlags(&o.Database)...), sourceFlags(&o.Source)...),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				o.Jump = args[0]
			}
			if err := o.Database.validate(o.Jump); err != nil {
				return err
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
	Warnings mistake.List  `json:"warnings"` // what is no mistake and wants a look

	Database *measure.Result `json:"database,omitempty"` // nil when none was given
	said     string          // for people, when all is well
}

func runCheck(ctx context.Context, s *streams, o CheckOptions) error {
	result := checkResult{Mistakes: mistake.List{}, Problems: plan.Problems{}, Warnings: mistake.List{}}
	err := result.check(ctx, s, o)
	result.OK = err == nil
	found := errors.As(err, &result.Mistakes) || errors.As(err, &result.Problems)
	if !o.JSON {
		for _, w := range result.Warnings {
			_, _ = fmt.Fprintf(s.err, "%s %s\n", colours(s, s.err).bold("warning:"), w) // nothing can be done about an error here
		}
		if e := s.print(result.said); e != nil {
			return e
		}
		return err
	}
	if err != nil && !found {
		return err
	}
	if e := s.printJSON(result); e != nil {
		return e
	}
	return exit.With(exit.Code(err), summary(err), "")
}

// check makes the checks, one after the other, as far as it gets.
func (r *checkResult) check(ctx context.Context, s *streams, o CheckOptions) error {
	cat, err := release.Load(o.Project)
	if err != nil {
		return err
	}
	if cat.Warnings != nil {
		r.Warnings = cat.Warnings
	}
	if err := certifyScripts(cat); err != nil {
		return err
	}
	said := fmt.Sprintf("%s and %s: no mistake\n", plural(len(cat.Releases), "release"), plural(len(cat.Specs), "jump"))
	if o.Jump == "" {
		r.said = said
		if len(cat.Releases) == 0 {
			r.said += nextNew
		}
		return nil
	}
	p, err := plan.Resolve(cat, o.Jump, "")
	if err != nil {
		return err
	}
	if err := fits(p); err != nil {
		return err
	}
	files, err := fetchItems(ctx, s, cat, p.Items(), o.Source, nil)
	if err != nil {
		return err
	}
	verdict, err := p.Check(headers(p, files))
	for _, w := range verdict.Warnings {
		r.Warnings = append(r.Warnings, w.Mistake())
	}
	if err != nil {
		return err
	}
	r.said = said + fmt.Sprintf("%s: %s fit together\n", o.Jump, plural(len(files), "package"))
	if o.Database.DSN == "" {
		return nil
	}
	r.Database, err = tryMigrations(ctx, s, p, o.Database)
	if r.Database != nil {
		r.said += migrationsText(r.Database)
	}
	return err
}

// certifyScripts looks for mistakes in the jumps' folders certify/.
func certifyScripts(cat *release.Catalog) error {
	var all mistake.List
	for _, jump := range cat.JumpNames() {
		_, err := certify.LoadChecks(filepath.Join(cat.Specs[jump].Dir, "certify"))
		if list := (mistake.List)(nil); errors.As(err, &list) {
			all = append(all, list...)
		} else if err != nil {
			return err
		}
	}
	if len(all) > 0 {
		return exit.With(exit.Spec, all, "")
	}
	return nil
}

// foldersOf says where mistakes are: in the folders that every command reads, or in the one of test machines.
func foldersOf(list mistake.List) string {
	for _, m := range list {
		if !strings.HasPrefix(m.File, installed.Folder+"/") {
			return "versions/ and specs/"
		}
	}
	return installed.Folder + "/"
}

// summary is an error without its list, which was shown before; nil stays nil.
func summary(err error) error {
	var mistakes mistake.List
	var problems plan.Problems
	switch {
	case errors.As(err, &mistakes):
		return fmt.Errorf("%s in %s", plural(len(mistakes), "mistake"), foldersOf(mistakes))
	case errors.As(err, &problems):
		return fmt.Errorf("%s in the packages of the jump", plural(len(problems), "problem"))
	}
	return err
}
