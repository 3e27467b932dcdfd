package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/certify"
	"onerpm/bundler/internal/complete"
	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/schema"
)

func completionCommand(s *streams) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the script that completes this command in a shell",
		ArgsUsage: strings.Join(complete.Shells, "|"),
		Description: "Completes commands, flags, files and, in a project, its jumps and releases. For this shell:\n\n" +
			"   source <(bundler completion bash)\n   source <(bundler completion zsh)\n   bundler completion fish | source\n\n" +
			"The packages of the bundler, and make install, put the scripts where shells look for them.",
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			if !slices.Contains(complete.Shells, args[0]) {
				return exit.Errorf(exit.Usage, "choose one of "+strings.Join(complete.Shells, ", "), "there is no completion for %q", args[0])
			}
			script, err := complete.Script(args[0])
			if err != nil {
				return err
			}
			return s.print(string(script))
		},
	}
}

// completeCommand is what the scripts ask. It prints what may stand next one a line, with a tab and what it is.
func completeCommand(s *streams) *cli.Command {
	return &cli.Command{
		Name:      "complete",
		Hidden:    true,
		Usage:     "print what may stand next on a command line, for the completion of shells",
		ArgsUsage: "-- [WORD...]",
		Action: func(c *cli.Context) error {
			var b strings.Builder
			for _, w := range complete.Next(c.App, c.Args().Slice(), placeNames) {
				b.WriteString(w.Text)
				if w.What != "" {
					b.WriteString("\t" + w.What)
				}
				b.WriteString("\n")
			}
			return s.print(b.String())
		},
	}
}

// placeNames returns the names that a command takes in a place. It looks for files only and reads none, so that it works
// in a project with mistakes, too.
func placeNames(command, at, project string) []string {
	switch {
	case command == "schema" && at == "NAME":
		var names []string
		for _, f := range schema.Files {
			names = append(names, f.Name)
		}
		return names
	case command == "certify" && at == "--only NAME":
		return certify.Names()
	case at == "JUMP" || at == "FROM-TO":
		return found(project, "specs/*/upgrade.yaml", filepath.Dir)
	case at == "FROM" || at == "TO" || strings.HasSuffix(at, "RELEASE"):
		releases := found(project, "versions/*.yaml", func(path string) string { return strings.TrimSuffix(path, ".yaml") })
		return slices.DeleteFunc(releases, func(name string) bool { return name == "product" || name == "installed-base" })
	}
	return nil
}

// found returns the names of what is in the project.
func found(project, pattern string, name func(path string) string) []string {
	if project == "" {
		here, err := os.Getwd()
		if err != nil {
			return nil
		}
		if project, err = upwards(here); err != nil {
			return nil
		}
	}
	paths, _ := fs.Glob(os.DirFS(project), pattern) // a pattern without mistakes
	var names []string
	for _, path := range paths {
		names = append(names, filepath.Base(name(path)))
	}
	return names
}
