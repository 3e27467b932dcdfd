// Package cli is the bundler's command line: one file for each command, with its
// flags and a plain function that does the work. Results go to standard output,
// everything else to standard error; with --json the output is for programs. A
// command never ends the process: its error says the exit code (package exit).
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/plan"
)

// commands are all that the bundler can do, in the order of the help text. To add
// one, write its constructor in a file of its own and put it here.
var commands = []func(*streams) *cli.Command{
	checkCommand,
	lockCommand,
	buildCommand,
	inspectCommand,
	pathsCommand,
	diffCommand,
	publishCommand,
	listCommand,
	withdrawCommand,
	urlCommand,
	verifyCommand,
	setupCommand,
	mirrorCommand,
	matrixCommand,
	initCommand,
	newCommand,
	schemaCommand,
	certifyCommand,
	machineCommand,
	fleetCommand,
	versionCommand,
	completionCommand,
	completeCommand,
	manCommand,
}

// streams are what a command may touch of the world besides files and network.
type streams struct {
	in       io.Reader
	out, err io.Writer
	env      []string // as os.Environ
}

// getenv returns the value of an environment variable, "" when it is not set.
func (s *streams) getenv(name string) string {
	value := ""
	for _, e := range s.env {
		if k, v, ok := strings.Cut(e, "="); ok && k == name {
			value = v // the last one counts, as for exec
		}
	}
	return value
}

// Run runs the bundler with args (the first is the program's name) and returns its exit code.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) int {
	s := &streams{in: stdin, out: stdout, err: stderr, env: env}
	app := application(s)
	if len(args) > 1 && args[1] == "--version" {
		args = slices.Concat(args[:1], []string{"version"}, args[2:]) // so that --json may follow
	}
	err := app.RunContext(ctx, permute(app, args))
	if err != nil {
		s.report(err)
	}
	return exit.Code(err)
}

func application(s *streams) *cli.App {
	app := &cli.App{
		Name:            "bundler",
		Usage:           "make one RPM of an upgrade from one release of a product to the next",
		Reader:          s.in,
		Writer:          s.out,
		ErrWriter:       s.err,
		HideVersion:     true,
		HideHelpCommand: true,
		Flags:           []cli.Flag{projectFlag(), &cli.BoolFlag{Name: "version", Usage: "print the version, and which engine is in this program", DisableDefaultText: true}},
		ExitErrHandler:  func(*cli.Context, error) {},
		OnUsageError:    usageError,
		Description: "Reads versions/ and specs/ of the project: the nearest folder upwards that has\n" +
			"versions/product.yaml. A jump is named <from>-<to>, as its folder in specs/.\n\nExit codes:\n  " +
			strings.ReplaceAll(strings.TrimSpace(exit.Table()), "\n", "\n  "),
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return exit.Errorf(exit.Usage, "run bundler --help to see the commands", "there is no command %q", c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
	}
	for _, make := range commands {
		cmd := make(s)
		cmd.Flags = append(cmd.Flags, projectFlag())
		cmd.HideHelpCommand = true
		cmd.OnUsageError = usageError
		app.Commands = append(app.Commands, cmd)
	}
	return app
}

func usageError(c *cli.Context, err error, _ bool) error {
	name := "bundler"
	if c.Command != nil && c.Command.Name != "" && c.Command.Name != "bundler" {
		name += " " + c.Command.Name
	}
	return exit.With(exit.Usage, err, "run "+name+" --help to see the flags")
}

// arguments returns the arguments of a command, when there are from least to most of them.
func arguments(c *cli.Context, least, most int) ([]string, error) {
	if n := c.NArg(); n < least || n > most {
		return nil, exit.Errorf(exit.Usage, "bundler "+c.Command.Name+" "+c.Command.ArgsUsage, "%s takes %s, not %d", c.Command.Name, count(least, most), n)
	}
	return c.Args().Slice(), nil
}

func count(least, most int) string {
	switch {
	case most == 0:
		return "no argument"
	case least == most && most == 1:
		return "one argument"
	case least == most:
		return fmt.Sprintf("%d arguments", most)
	case least == 0:
		return fmt.Sprintf("at most %d", most)
	}
	return fmt.Sprintf("%d to %d arguments", least, most)
}

// none is an error for a command that takes no arguments and got some.
func none(c *cli.Context) error {
	_, err := arguments(c, 0, 0)
	return exit.With(exit.Usage, err, "run bundler "+c.Command.Name+" --help to see the flags")
}

// needs is an error for flags that must be given and are not. (The library's own way prints the help, and has no exit code.)
func needs(c *cli.Context, flags ...string) error {
	for _, f := range flags {
		if c.String(f) == "" {
			return exit.Errorf(exit.Usage, "run bundler "+c.Command.Name+" --help to see the flags", "%s needs --%s", c.Command.Name, f)
		}
	}
	return nil
}

// permute puts flags in front of the arguments of a command, so that both orders
// work: the library stops reading flags at the first argument.
func permute(app *cli.App, args []string) []string {
	at := 1
	for at < len(args) && strings.HasPrefix(args[at], "-") {
		if takesValue(app.Flags, args[at]) {
			at++
		}
		at++
	}
	if at >= len(args) {
		return args
	}
	cmd := app.Command(args[at])
	if cmd == nil {
		return args
	}
	var flags, rest []string
	for i := at + 1; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--":
			rest = append(rest, args[i:]...)
			i = len(args)
		case !strings.HasPrefix(a, "-") || a == "-":
			rest = append(rest, a)
		default:
			flags = append(flags, a)
			if !takesValue(cmd.Flags, a) {
				break
			}
			if i++; i == len(args) { // or an argument would be taken for the value that is missing
				return append(append([]string{}, args[:at+1]...), flags...)
			}
			flags = append(flags, args[i])
		}
	}
	return append(append(append([]string{}, args[:at+1]...), flags...), rest...)
}

// takesValue reports whether a flag as written on the command line needs the next argument.
func takesValue(flags []cli.Flag, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				doc, ok := f.(cli.DocGenerationFlag)
				return ok && doc.TakesValue()
			}
		}
	}
	return false
}

// report shows an error to a person: what, and what to do. Mistakes of people stand
// one on a line, as compilers write them, so that editors find the place.
func (s *streams) report(err error) {
	c := colours(s, s.err)
	say := func(format string, args ...any) {
		_, _ = fmt.Fprintf(s.err, format+"\n", args...) // nothing can be done about an error here
	}
	var mistakes mistake.List
	var problems plan.Problems
	switch {
	case errors.As(err, &mistakes):
		say("%v", mistakes)
	case errors.As(err, &problems):
		say("%v", problems)
	}
	say("%s %v", c.red("bundler:"), summary(err))
	if hint := exit.Hint(err); hint != "" {
		say("  %s %s", c.bold("hint:"), hint)
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
