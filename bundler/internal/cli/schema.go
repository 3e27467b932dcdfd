package cli

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/output"
	"onerpm/bundler/internal/schema"
	"onerpm/bundler/schemas"
)

// SchemaOptions are what schema is asked.
type SchemaOptions struct {
	Name   string // "" for the list, or for all with Output
	Output string // folder; "" for standard output
}

func schemaCommand(s *streams) *cli.Command {
	var o SchemaOptions
	return &cli.Command{
		Name:      "schema",
		Usage:     "write the JSON schemas of versions/ and specs/, for editors",
		ArgsUsage: "[NAME]",
		Description: "Without anything, lists the schemas. With a name, writes that one; with --output, all of\n" +
			"them into a folder. An editor with a YAML language server uses one that a file names in\n" +
			"its first line:\n\n   # yaml-language-server: $schema=../../schemas/upgrade.schema.json",
		Flags: []cli.Flag{&cli.StringFlag{Name: "output", Usage: "write all schemas into `DIR`", Destination: &o.Output}},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				o.Name = args[0]
			}
			return runSchema(s, o)
		},
	}
}

func runSchema(s *streams, o SchemaOptions) error {
	switch {
	case o.Name != "" && o.Output != "":
		return exit.Errorf(exit.Usage, "leave one out", "a name and --output do not go together")
	case o.Output != "":
		return writeSchemas(s, o.Output)
	case o.Name == "":
		rows := [][]string{{"NAME", "FOR"}}
		for _, f := range schema.Files {
			rows = append(rows, []string{f.Name, f.Where})
		}
		return s.print(table("", rows))
	}
	if !slices.ContainsFunc(schema.Files, func(f schema.File) bool { return f.Name == o.Name }) {
		return exit.Errorf(exit.Usage, "run bundler schema to list them", "there is no schema %q", o.Name)
	}
	text, err := fs.ReadFile(schemas.Files, schemaFile(o.Name))
	if err != nil {
		return err
	}
	return s.print(string(text))
}

func schemaFile(name string) string { return name + ".schema.json" }

// writeSchemas writes all schemas into a folder: all of them, or none.
func writeSchemas(s *streams, dir string) error {
	out, err := output.Open(dir)
	if err != nil {
		return err
	}
	defer out.Discard()
	var names []string
	for _, f := range schema.Files {
		text, err := fs.ReadFile(schemas.Files, schemaFile(f.Name))
		if err != nil {
			return err
		}
		if err := out.Add(schemaFile(f.Name), text); err != nil {
			return err
		}
		names = append(names, schemaFile(f.Name))
	}
	if err := out.Commit(); err != nil {
		return err
	}
	return s.print(fmt.Sprintf("%s: %s\n", dir, strings.Join(names, ", ")))
}
