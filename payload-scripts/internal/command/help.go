package command

import (
	"flag"
	"fmt"
	"io"

	"onerpm/payload-scripts/internal/settings"
)

// exitCodes is the table of docs/exit-codes.md.
var exitCodes = []struct {
	code int
	what string
}{
	{0, "done, or nothing to do"},
	{1, "failed before anything began"},
	{2, "wrong usage, or not root"},
	{3, "refused, nothing was changed"},
	{4, "rolled back: the old release serves, as it was"},
	{5, "needs a person; the report says what to do"},
	{6, "done, agents pending"},
	{7, "another one is under way"},
	{8, "no upgrade was started, and none was refused"},
}

// help tells the usage of all commands, of one, or the settings.
func (e *env) help(args []string) int {
	if len(args) == 0 {
		usage(e.out, e.prefix())
		return exitDone
	}
	if args[0] == "settings" {
		fmt.Fprint(e.out, settings.Example(e.prefix()))
		return exitDone
	}
	for _, c := range commands() {
		if c.name == args[0] && c.what != "" {
			commandUsage(e.out, e.prefix(), c)
			return exitDone
		}
	}
	return e.fail(fmt.Errorf("there is no help about %q", args[0]), exitUsage)
}

func usage(w io.Writer, prefix string) {
	fmt.Fprintf(w, "usage: %s COMMAND [--json] [flags]\n", prefix)
	for _, c := range commands() {
		if c.what != "" {
			fmt.Fprintf(w, "  %-9s %s\n", c.name, c.what)
		}
	}
	fmt.Fprintf(w, "  %-9s %s\n", "help", "show help for a COMMAND, or the settings in /etc/"+prefix+"/upgrade.conf: help settings")
	fmt.Fprintln(w, "exit codes:")
	for _, x := range exitCodes {
		fmt.Fprintf(w, "  %d  %s\n", x.code, x.what)
	}
}

func commandUsage(w io.Writer, prefix string, c command) {
	fmt.Fprintf(w, "usage: %s %s [flags]\n  %s\n", prefix, c.name, c.what)
	eachFlag(c, func(name, arg, what string) {
		if arg != "" {
			name += " " + arg
		}
		fmt.Fprintf(w, "  --%-10s %s\n", name, what)
	})
	if c.more != "" {
		fmt.Fprintln(w, c.more)
	}
}

// eachFlag calls told for each flag of a command that is for people: its name, the
// name of its value ("" for none) and what it does.
func eachFlag(c command, told func(name, arg, what string)) {
	c.flags(&env{}, &options{}).VisitAll(func(f *flag.Flag) {
		if f.Usage == "" {
			return
		}
		arg, what := flag.UnquoteUsage(f)
		told(f.Name, arg, what)
	})
}
