package command

import (
	"fmt"
	"strings"

	"onerpm/payload-scripts/internal/advice"
	"onerpm/payload-scripts/internal/settings"
	"onerpm/payload-scripts/internal/usage"
	"onerpm/payload-scripts/schemas"
)

// exitCodes is the table of docs/exit-codes.md.
var exitCodes = []usage.Code{
	{Code: exitDone, What: "done, or nothing to do"},
	{Code: exitFailed, What: "failed before anything began"},
	{Code: exitUsage, What: "wrong usage, or not root"},
	{Code: exitRefused, What: "refused, nothing was changed"},
	{Code: exitRolledBack, What: "rolled back: the old release serves, as it was"},
	{Code: exitNeedsPerson, What: "needs a person; the report says what to do"},
	{Code: exitAgents, What: "done, agents pending"},
	{Code: exitUnderWay, What: "another one is under way"},
	{Code: exitNotStarted, What: "no upgrade was started, and none was refused; or there is none of that id"},
	{Code: exitTimeOut, What: "time ran out; the upgrade goes on"},
}

// program is what the help, the man page and the completion are made of.
func program(prefix string) usage.Program {
	p := usage.Program{Prefix: prefix, Codes: exitCodes, Topics: []usage.Topic{
		{Name: "settings", What: "the settings in /etc/" + prefix + "/upgrade.conf"},
		{Name: "schema", What: "what programs are told under --json, as JSON schemas"},
	}}
	for _, c := range commands() {
		word := usage.Command{Name: c.name, What: c.what, More: c.more, Flags: c.flags(&env{}, &options{})}
		if c.name == "agents" {
			word.Verbs = strings.Fields(strings.NewReplacer(",", "", " or ", " ").Replace(agentVerbs))
		}
		p.Commands = append(p.Commands, word)
	}
	return p
}

// help tells the usage of all commands, of one, the settings, or what programs are told.
func (e *env) help(args []string) int {
	p := program(e.prefix())
	if len(args) == 0 {
		p.Help(e.Out)
		return exitDone
	}
	if args[0] == "settings" {
		fmt.Fprint(e.Out, settings.Example(e.prefix()))
		return exitDone
	}
	if args[0] == "schema" {
		return e.schema(args[1:])
	}
	c, ok := p.Find(args[0])
	if !ok {
		return e.fail(fmt.Errorf("there is no help about %q", args[0]), exitUsage)
	}
	p.Of(e.Out, c)
	return exitDone
}

// schema tells the JSON schema of an answer, or which there are.
func (e *env) schema(args []string) int {
	if len(args) == 0 {
		fmt.Fprintf(e.Out, "%s\n", strings.Join(schemas.Names(), "\n"))
		return exitDone
	}
	text, ok := schemas.Read(args[0])
	if !ok {
		return e.fail(advice.With(fmt.Errorf("there is no schema of %q", args[0]), "choose one of %s", strings.Join(schemas.Names(), ", ")), exitUsage)
	}
	fmt.Fprintf(e.Out, "%s", text)
	return exitDone
}
