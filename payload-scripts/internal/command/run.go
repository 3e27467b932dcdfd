// Package command is the engine's command line: one file a command, each a plain
// function from options to an exit code of the documented table.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/journal"
)

// Exit codes of the engine; docs/exit-codes.md has the table.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitRefused     = 3
	exitRolledBack  = 4
	exitNeedsPerson = 5
	exitUnderWay    = 7
)

// exitOf is the one place where an outcome becomes an exit code.
func exitOf(o journal.Outcome) int {
	switch o {
	case journal.Upgraded:
		return exitDone
	case journal.Refused:
		return exitRefused
	case journal.RolledBack:
		return exitRolledBack
	case journal.NeedsAPerson:
		return exitNeedsPerson
	default:
		return exitFailed
	}
}

// env is what every command works with.
type env struct {
	out, err io.Writer
	bundle   *attempt.Bundle
	json     bool // --json: what is told goes to out as one JSON value
}

// command is one word of the command line.
type command struct {
	name string
	what string // one line of the help; "" keeps it out of the help
	run  func(context.Context, *env, []string) int
}

func commands() []command {
	return []command{
		{"check", "look whether this machine can be upgraded; writes nothing", runCheck},
		{"start", "start the upgrade, or carry one on that needed a person", runStart},
		{"status", "tell where the upgrade is; --follow until it ends", runStatus},
		{"wait", "wait for the end; the exit code is the upgrade's", runWait},
		{"rollback", "go back to the old release; possible until the commit", runRollback},
		{"report", "tell how the last upgrade went", runReport},
		{"log", "show the log of the last upgrade", runLog},
		{"run", "", runAttempt},
	}
}

// Run runs one command line and returns the exit code.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	e := &env{out: stdout, err: stderr}
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		usage(stdout)
		if len(args) == 0 {
			return exitUsage
		}
		return exitDone
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		self, err := os.Executable()
		if err == nil {
			e.bundle, err = attempt.Load(self)
		}
		if err != nil {
			return e.fail(err, exitFailed)
		}
		return c.run(ctx, e, args[1:])
	}
	fmt.Fprintf(stderr, "error: there is no command %q\n", args[0])
	usage(stderr)
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: COMMAND [--json] [flags]")
	for _, c := range commands() {
		if c.what != "" {
			fmt.Fprintf(w, "  %-9s %s\n", c.name, c.what)
		}
	}
	fmt.Fprintln(w, "exit codes: 0 done or nothing to do, 1 failed, 2 usage, 3 refused and nothing changed,\n"+
		"  4 rolled back, 5 needs a person, 7 another one is under way")
}

// flags parses a command's flags; every command has --json.
func (e *env) flags(name string, args []string, define func(*flag.FlagSet)) error {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(e.err)
	set.BoolVar(&e.json, "json", false, "tell it as JSON")
	if define != nil {
		define(set)
	}
	if err := set.Parse(args); err != nil {
		return err
	}
	if set.NArg() > 0 && name != "run" {
		err := fmt.Errorf("%s takes no argument %q", name, set.Arg(0))
		fmt.Fprintf(e.err, "error: %v\n", err)
		return err
	}
	return nil
}

func (e *env) fail(err error, code int) int {
	fmt.Fprintf(e.err, "error: %v\n", err)
	return code
}

func needRoot() error {
	if os.Geteuid() != 0 {
		return errors.New("only root can do this")
	}
	return nil
}
