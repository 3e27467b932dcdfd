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
	"slices"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/advice"
	"onerpm/payload-scripts/internal/console"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/usage"
	"onerpm/payload-scripts/internal/view"
)

// Exit codes of the engine; docs/exit-codes.md has the table.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitRefused     = 3
	exitRolledBack  = 4
	exitNeedsPerson = 5
	exitAgents      = 6
	exitUnderWay    = 7
	exitNotStarted  = 8
	exitTimeOut     = 9
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
	console.Console
	bundle *layout.Bundle
	checks func(context.Context, *layout.Bundle) []finding.Finding // of the host
}

// options are the flags of all commands; each command defines those it has.
type options struct {
	follow, all, dryRun, checked, first bool
	summary                             bool
	lines                               int
	level, phase                        string         // of log: which lines
	id                                  string         // of the attempt that is told of; "" for the latest
	timeout                             *time.Duration // of wait; nil for none
	verb                                string         // of a command that has some
	port                                uint           // of relay
	ports                               string         // likewise
	ended                               bool           // likewise
}

// command is one word of the command line.
type command struct {
	name   string
	what   string // one line of the help; "" keeps it out of the help
	more   string // what the man page says besides
	define func(*flag.FlagSet, *options)
	run    func(context.Context, *env, options) int
}

func commands() []command {
	return []command{
		{"check", "check whether this machine can be upgraded; writes nothing",
			"Runs every check and reports all findings at once, each with what to do. " +
				"It works from an unpacked bundle too, days before the upgrade. Exit code 0 means ready or nothing to do, 3 refused. " +
				"While an upgrade is at work it says that alone, with 7, and where one has stopped half-way what to do, with 5.",
			nil, runCheck},
		{"rehearse", "try the upgrade on copies and predict the window; touches nothing that serves",
			"A dump of the database is restored into a PostgreSQL server of its own, without a network, and migrated there and back; the configuration is merged into a folder; " +
				"rpm installs the packages into an empty root. It needs disk space for that below /var/lib for a few minutes, and leaves nothing. " +
				"Exit code 0 means that the upgrade would reach its end, 3 that it would be refused or go back.",
			nil, runRehearse},
		{"start", "start the upgrade, or resume one that needed a person",
			"It returns when the upgrade is under way in the background. Installing a bundle does the same, unless the file manual is there.",
			startFlags, runStart},
		{"status", "show how far the upgrade is; --follow until it ends",
			"On a terminal --follow is a live view; Ctrl-C ends the view and not the upgrade. " +
				"Elsewhere, or with TERM=dumb, each step is a line when it ends.",
			statusFlags, runStatus},
		{"wait", "wait for the end; the exit code is the upgrade's",
			"When the last installation of the bundle, or the last start, began no upgrade, it says why, with exit code 3 if it was refused and 8 otherwise. " +
				"When nothing was ever started, it runs the checks, and exits with 8 if nothing stands in the way. " +
				"With --id it speaks of that upgrade alone, and exits with 8 if there is none of that id. With --timeout it exits with 9 when the time is over; the upgrade goes on.",
			waitFlags, runWait},
		{"rollback", "go back to the old release; possible until the commit",
			"The upgrade under way ends its current step and goes back. After the commit it is refused with exit code 3.", nil, runRollback},
		{"report", "show the report of the last upgrade",
			"How it ended, the cause of a failure and what to do; its steps with their times, the time out of service beside the limit, what was merged in configuration files. " +
				"When the last installation of the bundle, or the last start, began no upgrade, it says why, and how to see the one before. " +
				"With --id it speaks of that upgrade alone, and exits with 8 if there is none of that id. With --summary it says in a few lines how it stands and what to do.",
			reportFlags, runReport},
		{"log", "show the log of the last upgrade", "", logFlags, runLog},
		{"agents", "upgrade the agents on other machines: " + agentVerbs,
			"Agents are upgraded after the upgrade, over the product's own interface, while it serves: first a canary, then batches, until all are done or too many failed. " +
				"They begin by themselves when the bundle's file of credentials is there, with mode 0600 and one HTTP header a line, and the file no-agents is not. " +
				"Start begins them otherwise; resume continues once the cause of a stop is gone; wait waits for their end. Exit code 6 means that some are pending.",
			nil, runAgents},
		{"clean", "remove backups and logs of ended upgrades",
			"The report and the log of the last one stay unless --all is given. " +
				"Nothing of an upgrade that is under way or needs a person is removed. Bundles belong to their packages: remove them with yum.",
			cleanFlags, runClean},
		{"run", "", "", nil, runAttempt},
		{"installed", "", "", installedFlags, runInstalled},
		{"relay", "", "", relayFlags, runRelay},
	}
}

// topics are what is told without a bundle, by name of the first argument.
var topics = map[string]func(usage.Program, io.Writer){"man": usage.Program.Manual, "completion": usage.Program.Completion}

// Run runs one command line and returns the exit code.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	self, err := os.Executable()
	var b *layout.Bundle
	if err == nil {
		b, err = layout.Load(self)
	}
	return run(ctx, b, err, args, stdout, stderr)
}

// run is Run with the bundle, or why there is none.
func run(ctx context.Context, b *layout.Bundle, noBundle error, args []string, stdout, stderr io.Writer) int {
	return newEnv(b, stdout, stderr).run(ctx, noBundle, args)
}

func newEnv(b *layout.Bundle, stdout, stderr io.Writer) *env {
	return &env{Console: console.Console{Out: stdout, Err: stderr}, bundle: b, checks: checkHost}
}

func (e *env) run(ctx context.Context, noBundle error, args []string) int {
	if len(args) > 0 {
		e.Typed = args[0]
		e.JSON = slices.ContainsFunc(args[1:], console.Asks) // also when another flag is wrong
	}
	if len(args) == 0 {
		program(e.prefix()).Help(e.Err)
		return exitUsage
	}
	switch args[0] {
	case "help", "--help", "-h":
		return e.help(args[1:])
	}
	if tell, ok := topics[args[0]]; ok && len(args) == 1 {
		tell(program(e.prefix()), e.Out)
		return exitDone
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		if noBundle != nil {
			return e.fail(noBundle, exitFailed)
		}
		return e.command(ctx, c, args[1:])
	}
	code := e.fail(fmt.Errorf("there is no command %q", args[0]), exitUsage)
	if !e.JSON {
		program(e.prefix()).Help(e.Err)
	}
	return code
}

// page is where people read what a command tells.
func (e *env) page() view.Page { return view.On(e.Out) }

// prefix is what the admin types.
func (e *env) prefix() string {
	if e.bundle == nil {
		return "engine"
	}
	return e.bundle.Manifest.Prefix
}

func (e *env) command(ctx context.Context, c command, args []string) int {
	var o options
	if c.name == "agents" && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		o.verb, args = args[0], args[1:]
		e.Typed += " " + o.verb
	}
	set := c.flags(e, &o)
	set.SetOutput(io.Discard)
	help := func() {
		p := program(e.prefix())
		if word, ok := p.Find(c.name); ok {
			p.Of(e.Err, word)
		}
	}
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		help()
		return exitDone
	case err != nil:
		code := e.fail(err, exitUsage)
		if !e.JSON {
			help()
		}
		return code
	}
	if set.NArg() > 0 && c.name != "run" { // whose argument is for people who read a list of processes
		return e.fail(fmt.Errorf("%s takes no argument %q", c.name, set.Arg(0)), exitUsage)
	}
	if os.Geteuid() != 0 && c.name != "check" { // which has a finding for it
		return e.fail(advice.With(errors.New("what upgrades did to this machine can be read by root alone"), "run %s with sudo or as root", c.name), exitUsage)
	}
	return c.run(ctx, e, o)
}

// flags are those of one command; every command has --json.
func (c command) flags(e *env, o *options) *flag.FlagSet {
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.BoolVar(&e.JSON, "json", e.JSON, "write JSON")
	if c.define != nil {
		c.define(set, o)
	}
	return set
}

// fail tells an error, and returns the exit code.
func (e *env) fail(err error, code int) int {
	always := fmt.Sprintf("remove the cause, then run `%s %s` again", e.prefix(), e.Typed)
	if code == exitUsage {
		always = fmt.Sprintf("see `%s help`", e.prefix())
	}
	return e.Fail(err, always, code)
}
