// Package usage tells what the engine's commands are: the help, the man page and the completion for bash, all out of
// one table.
package usage

import (
	"flag"
	"fmt"
	"io"

	"onerpm/payload-scripts/internal/view"
)

// Program is the engine's command as an admin types it, and all that can follow.
type Program struct {
	Prefix   string // what is typed, the product's prefix
	Commands []Command
	Codes    []Code // exit codes, in their order
	Topics   []Topic
}

// Command is one word of the command line.
type Command struct {
	Name  string
	What  string // one line of the help; "" keeps it out of the help
	More  string // what the man page says besides
	Verbs []string
	Flags *flag.FlagSet // one without a usage is not for people
}

// Code is an exit code.
type Code struct {
	Code int
	What string
}

// Topic is what help tells besides commands.
type Topic struct{ Name, What string }

// shown are the commands that are for people.
func (p Program) shown() []Command {
	var out []Command
	for _, c := range p.Commands {
		if c.What != "" {
			out = append(out, c)
		}
	}
	return out
}

// Find returns a command that is for people.
func (p Program) Find(name string) (Command, bool) {
	for _, c := range p.shown() {
		if c.Name == name {
			return c, true
		}
	}
	return Command{}, false
}

// Help writes the usage of all commands.
func (p Program) Help(w io.Writer) {
	page := view.On(w)
	page.Line("usage: %s COMMAND [--json] [flags]", p.Prefix)
	for _, c := range p.shown() {
		page.Item(fmt.Sprintf("  %-9s ", c.Name), c.What)
	}
	page.Item(fmt.Sprintf("  %-9s ", "help"), "show help for a COMMAND")
	for _, t := range p.Topics {
		page.Item(fmt.Sprintf("  %-9s ", ""), "or "+t.What+": help "+t.Name)
	}
	page.Line("exit codes:")
	for _, x := range p.Codes {
		page.Item(fmt.Sprintf("  %d  ", x.Code), x.What)
	}
}

// Of writes the usage of one command.
func (p Program) Of(w io.Writer, c Command) {
	page := view.On(w)
	page.Line("usage: %s %s [flags]", p.Prefix, c.Name)
	page.Item("  ", c.What)
	c.eachFlag(func(name, arg, what string) {
		if arg != "" {
			name += " " + arg
		}
		page.Item(fmt.Sprintf("  --%-10s ", name), what)
	})
	if c.More != "" {
		page.Item("", c.More)
	}
}

// eachFlag calls told for each flag that is for people: its name, the name of its value ("" for none) and what it does.
func (c Command) eachFlag(told func(name, arg, what string)) {
	c.Flags.VisitAll(func(f *flag.Flag) {
		if f.Usage == "" {
			return
		}
		arg, what := flag.UnquoteUsage(f)
		told(f.Name, arg, what)
	})
}
