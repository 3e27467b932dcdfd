package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/scaffold"
	"onerpm/bundler/internal/starter"
	"onerpm/bundler/internal/strictyaml"
)

// InitOptions are what init is asked.
type InitOptions struct {
	Dir     string // made when it is not there
	Answers starter.Answers
	JSON    bool
}

// nextNew is what to do in a project without releases.
const nextNew = "next: bundler new FROM-TO --old DIR --new DIR, with the folders of both releases' RPMs\n"

func initCommand(s *streams) *cli.Command {
	var o InitOptions
	a := &o.Answers
	var editions cli.StringSlice
	return &cli.Command{
		Name:      "init",
		Usage:     "write the start of a project: what it upgrades, who has it, a pipeline",
		ArgsUsage: "[DIR]",
		Description: "Writes versions/product.yaml, versions/installed-base.yaml, .gitignore and a pipeline into a\n" +
			"folder, the current one when none is named; one that is not there is made. Each key has a\n" +
			"comment. The product's name is guessed from the folder's; what else no flag says begins\n" +
			"with DECIDE, and check names each place until none is left.\n" +
			"Nothing is overwritten, and all files appear or none; a .gitignore that has our lines stays.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "name", Usage: "the product is called `TEXT`", DefaultText: "the folder's name", Destination: &a.Name},
			&cli.StringFlag{Name: "prefix", Usage: "every bundle's name begins with `WORD`; it cannot be changed later", Destination: &a.Prefix},
			&cli.StringFlag{Name: "vendor", Usage: "the bundles are made by `TEXT`", Destination: &a.Vendor},
			&cli.StringFlag{Name: "license", Usage: "the bundles' license is `TEXT`", Destination: &a.License},
			&cli.StringFlag{Name: "url", Usage: "the product's address is `URL`", Destination: &a.URL},
			&cli.StringSliceFlag{Name: "edition", Usage: "the bundles are for the edition `TEXT`; again for another", Destination: &editions},
			&cli.StringFlag{Name: "source", Usage: "the releases' packages lie at `PLACE`", Destination: &a.Source},
			&cli.StringFlag{Name: "postgresql", Usage: "the oldest PostgreSQL of customers is `VERSION`", Destination: &a.PostgreSQL},
			&cli.StringFlag{Name: "pipeline", Usage: "write a pipeline for `SYSTEM`: " + strings.Join(starter.Pipelines, ", "), Value: "github", Destination: &a.Pipeline},
			jsonFlag(&o.JSON),
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			o.Dir = "."
			for _, level := range c.Lineage() {
				if dir := level.String("project"); dir != "" {
					args = append(args, dir)
				}
			}
			switch len(args) {
			case 0:
			case 1:
				o.Dir = args[0]
			default:
				return exit.Errorf(exit.Usage, "leave out --project", "the folder is named twice")
			}
			a.Editions = editions.Value()
			return runInit(s, o)
		},
	}
}

// initResult is what init tells programs.
type initResult struct {
	Files  []string `json:"files"`  // relative to the folder, in the order in which they are read
	Decide []string `json:"decide"` // what is left to a person: file:line: what
}

func runInit(s *streams, o InitOptions) error {
	full, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	o.Answers.Folder = filepath.Base(full)
	files, err := starter.Files(o.Answers)
	if err != nil {
		return err
	}
	if err := acceptable(files); err != nil {
		return err
	}
	if err := os.MkdirAll(full, 0o755); err != nil {
		return exit.With(exit.Output, fmt.Errorf("make the project's folder: %w", err), "name a folder that can be written")
	}
	if err := scaffold.Recover(full); err != nil {
		return err
	}
	if files, err = missing(full, files); err != nil {
		return err
	}
	if err := scaffold.PlaceInto(full, files); err != nil {
		return err
	}
	result := initResult{Decide: openPlaces(files)}
	for _, f := range files {
		result.Files = append(result.Files, f.Path)
	}
	if o.JSON {
		return s.printJSON(result)
	}
	return s.print("the start of a project:\n  " + strings.Join(result.Files, "\n  ") + "\n" + decideText(result.Decide) + nextNew)
}

// acceptable refuses answers that check would refuse: the files are read from a folder of their own before any is written.
func acceptable(files []scaffold.File) error {
	dir, err := os.MkdirTemp("", "bundler-init-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // temporary
	if err := scaffold.PlaceInto(dir, files); err != nil {
		return err
	}
	_, err = release.Load(dir)
	var list mistake.List
	if !errors.As(err, &list) {
		return err
	}
	for _, m := range list {
		if !strictyaml.IsUndecided(m) {
			return exit.Errorf(exit.Usage, m.Allowed, "%s", m.What)
		}
	}
	return nil
}

// missing are the files that are not there yet. Those that are stop it, all of them, but for a .gitignore that does what ours would.
func missing(dir string, files []scaffold.File) ([]scaffold.File, error) {
	var there []string
	var out []scaffold.File
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Path))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			out = append(out, f)
		case err == nil && f.Path == starter.Ignore && ignores(string(text)):
		default: // something that cannot be read is there, too
			there = append(there, f.Path)
		}
	}
	switch {
	case there == nil:
		return out, nil
	case slices.Contains(there, files[0].Path):
		return nil, exit.Errorf(exit.Usage, "go on with bundler new: the project has begun", "there already, and nothing is overwritten: %s", strings.Join(there, ", "))
	case slices.Contains(there, starter.Ignore):
		return nil, exit.Errorf(exit.Usage, "move it away first, or add the lines /dist/, /.cache/ and *.key.asc to "+starter.Ignore, "there already, and nothing is overwritten: %s", strings.Join(there, ", "))
	}
	return nil, exit.Errorf(exit.Usage, "move it away first, or leave the pipeline out with --pipeline none", "there already, and nothing is overwritten: %s", strings.Join(there, ", "))
}

// ignores reports whether a .gitignore has what a project needs to keep out: what is built, what is fetched, private keys.
func ignores(text string) bool {
	lines := strings.Fields(text)
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(lines, n) })
	}
	return has("/dist/", "/dist", "dist/", "dist") && has("/.cache/", "/.cache", ".cache/", ".cache") && has("*.key.asc", "*.asc")
}

// openPlaces lists what is left to decide in files that were written, with their lines.
func openPlaces(files []scaffold.File) []string {
	out := []string{}
	for _, f := range files {
		n := 0
		for line := range strings.Lines(string(f.Data)) {
			n++
			if _, what, is := strings.Cut(line, strictyaml.Undecided); is {
				out = append(out, fmt.Sprintf("%s:%d: %s", f.Path, n, strings.TrimRight(strings.TrimSpace(what), `"'`)))
			}
		}
	}
	return out
}
