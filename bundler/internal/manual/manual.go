// Package manual writes the man page of a program from its commands and flags, in the language of man(7).
package manual

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Entry is a line of a section: an exit code, a variable, a file.
type Entry struct{ Name, What string }

// Page is what stands in the page and not in the commands.
type Page struct {
	Version     string
	Description string // paragraphs with an empty line between
	Exit        []Entry
	Environment []Entry
	Files       []Entry
	Examples    []Entry // a command each, and what for
	See         []string
}

// Write returns the page. It holds no date, so that it is the same whenever it is made.
func Write(app *cli.App, page Page) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p(`.TH %s 1 "" "%s %s" "User Commands"`, strings.ToUpper(app.Name), app.Name, roff(page.Version))
	p(".nh\n.ad l") // what is copied out of it has no hyphens in it
	p(".SH NAME\n%s \\- %s", app.Name, roff(app.Usage))
	p(".SH SYNOPSIS\n.B %s\n.RI [ option ...]\n.I command\n.RI [ option ...]\n.RI [ argument ...]", app.Name)
	p(".SH DESCRIPTION")
	text(p, page.Description)
	p(".SH OPTIONS\nOptions of a command may stand before and after its arguments.")
	for _, f := range global(app) {
		flag(p, f)
	}
	p(".SH COMMANDS")
	for _, c := range app.VisibleCommands() {
		p(".SS %s", synopsis(app, c))
		p("%s.", roff(strings.ToUpper(c.Usage[:1])+c.Usage[1:]))
		if c.Description != "" {
			p(".PP")
			text(p, c.Description)
		}
		for _, f := range c.VisibleFlags() {
			if !has(global(app), f) {
				flag(p, f)
			}
		}
	}
	for _, s := range []struct {
		name    string
		entries []Entry
	}{{"EXIT STATUS", page.Exit}, {"ENVIRONMENT", page.Environment}, {"FILES", page.Files}} {
		p(".SH %s", s.name)
		for _, e := range s.entries {
			p(".TP\n.B %s\n%s", roff(e.Name), roff(e.What))
		}
	}
	p(".SH EXAMPLES")
	for i, e := range page.Examples {
		if i > 0 {
			p(".PP")
		}
		p("%s\n.PP\n.RS 4\n.nf\n%s\n.fi\n.RE", roff(e.What), roff(e.Name))
	}
	p(".SH SEE ALSO")
	for i, see := range page.See {
		name, section, _ := strings.Cut(strings.TrimSuffix(see, ")"), "(")
		end := ","
		if i == len(page.See)-1 {
			end = ""
		}
		p(".BR %s (%s)%s", roff(name), section, end)
	}
	return b.String()
}

// synopsis is a command with its arguments, as a heading.
func synopsis(app *cli.App, c *cli.Command) string {
	out := app.Name + " " + c.Name
	if slices.ContainsFunc(c.VisibleFlags(), func(f cli.Flag) bool { return !has(global(app), f) }) {
		out += " [option...]"
	}
	if c.ArgsUsage != "" {
		out += " " + c.ArgsUsage
	}
	return roff(out)
}

// global are the flags of the program. The library adds --help once the program runs.
func global(app *cli.App) []cli.Flag {
	all := app.VisibleFlags()
	if !has(all, cli.HelpFlag) {
		all = append(all, cli.HelpFlag)
	}
	return all
}

func has(all []cli.Flag, f cli.Flag) bool {
	return slices.ContainsFunc(all, func(other cli.Flag) bool { return other.Names()[0] == f.Names()[0] })
}

var quoted = regexp.MustCompile("`([^`]*)`")

func flag(p func(string, ...any), f cli.Flag) {
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return
	}
	usage, value := doc.GetUsage(), ""
	if doc.TakesValue() {
		value = "value"
	}
	if m := quoted.FindStringSubmatch(usage); m != nil {
		value = m[1]
	}
	var names []string
	for _, n := range f.Names() {
		dashes := "--"
		if len(n) == 1 {
			dashes = "-"
		}
		names = append(names, `\fB`+roff(dashes+n)+`\fR`)
	}
	head := strings.Join(names, ", ")
	if value != "" {
		head += ` \fI` + roff(value) + `\fR`
	}
	what := roff(strings.ToUpper(usage[:1])+usage[1:]) + "."
	what = quoted.ReplaceAllString(what, `\fI$1\fR`)
	if d := doc.GetDefaultText(); d != "" && doc.TakesValue() {
		what += "\nDefault: " + roff(d) + "."
	}
	p(".TP\n%s\n%s", head, what)
}

// text writes paragraphs. Lines that are indented stand as they are.
func text(p func(string, ...any), s string) {
	literal := false
	for line := range strings.Lines(s + "\n") {
		line = strings.TrimRight(line, "\n")
		indented := strings.HasPrefix(line, "   ")
		switch {
		case indented && !literal:
			p(".RS 4\n.nf")
		case !indented && literal:
			p(".fi\n.RE")
		}
		literal = indented
		if line == "" {
			p(".PP")
			continue
		}
		p("%s", roff(strings.TrimSpace(line)))
	}
	if literal {
		p(".fi\n.RE")
	}
}

// roff makes a line of text safe between roff's own words.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
