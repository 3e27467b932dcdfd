package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/config"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/upgrade"
)

// Report prints what follows the state: when it was, all that was said about the cause, the steps, what became of
// documents and configuration.
func (p Page) Report(s Screen) {
	r := s.Report
	p.space()
	p.Line("%s from %s to %s (%s)", r.Product, r.From, r.To, r.ID)
	p.Line("  began %s", p.Stamp(r.Began))
	if !r.Ended.IsZero() {
		p.Line("  ended %s, took %s", p.Stamp(r.Ended), r.Ended.Sub(r.Began).Round(time.Second))
	}
	if s.Record.Stopped != "" && s.Record.Stopped != r.Error {
		p.said("the cause, as it was told:", s.Record.Stopped)
		p.said("what it was going back for, as it was told:", r.Error)
	} else {
		p.said("the cause, as it was told:", r.Error)
	}
	p.space()
	p.Line("steps:")
	for _, step := range r.Steps {
		p.step(step, step.Error == r.Error || step.Error == s.Record.Stopped)
	}
	p.stores(r)
	p.changes(r)
}

// said prints all of what was said, where that is more than its first line.
func (p Page) said(title, text string) {
	c := causeOf(text)
	if len(c.all) == 0 {
		return
	}
	p.space()
	p.Line("%s", title)
	for _, line := range c.all {
		p.Line("  %s", strings.TrimRight(line, " "))
	}
}

// Step prints one step as a line whose columns line up. Of its error the first line is enough: the report has all of it.
func (p Page) Step(s journal.Step) { p.step(s, false) }

// step prints a step, and its error unless that was told before.
func (p Page) step(s journal.Step, told bool) {
	took, mark, phase := "interrupted", "-", string(s.Phase)
	if !s.Ended.IsZero() {
		took, mark = s.Ended.Sub(s.Began).Round(10*time.Millisecond).String(), "+"
	}
	if s.Back {
		phase = "back"
	}
	t := tone(s.Error != "")
	if t == bad {
		mark = "!"
	}
	format := "%s %-8s %-40s %12s"
	if p.Width > 0 && p.Width < 65 {
		format = "%s %-7s %-38s %11s"
	}
	p.print(t, []string{fmt.Sprintf(format, mark, phase, s.Name, took)})
	if t == bad && !told {
		p.item("    ", causeOf(s.Error).what, bad, 0)
	}
}

// outOfService tells the time without service, and how it was measured.
func outOfService(r upgrade.Report) string {
	if r.Closed.IsZero() {
		return "it served all the time"
	}
	how := "estimated from service stop/start"
	if r.Measured {
		how = "measured at the door"
	}
	return fmt.Sprintf("out of service for %s (limit %s), %s%s", r.Window.D().Round(time.Millisecond), r.Limit.D(), how, waited(r.Clients))
}

// waited tells of clients that were kept waiting, and of those that it did not help.
func waited(c *journal.Clients) string {
	if c == nil || c.Taken == 0 {
		return ""
	}
	text := fmt.Sprintf("; %d connections waited, the longest for %s", c.Taken, c.Longest.Round(time.Millisecond))
	for _, lost := range []struct {
		n    int
		what string
	}{{c.Left, "were ended by their clients"}, {c.TimedOut, "were turned away after the longest wait"}, {c.Failed, "could not be passed on"}, {c.Answered, "were told to come back"}} {
		if lost.n > 0 {
			text += fmt.Sprintf(", %d %s", lost.n, lost.what)
		}
	}
	return text
}

// stores prints what became of the documents of each store.
func (p Page) stores(r upgrade.Report) {
	for _, name := range slices.Sorted(maps.Keys(r.Stores)) {
		n := r.Stores[name]
		switch {
		case r.Outcome == journal.Upgraded:
			var rows int64
			for _, count := range n.Rows {
				rows += count
			}
			p.Line("store %s: %d documents became %d rows", name, n.Documents, rows)
			for _, left := range n.Left {
				p.Line("  %s", left)
			}
		case n.Returned:
			p.Line("store %s: its source was proved to have what it had", name)
		}
	}
}

// changes prints what became of each configuration file, in columns, and
// below it what the merge decided; its values hold no secret.
func (p Page) changes(r upgrade.Report) {
	if len(r.Changes) == 0 {
		return
	}
	what := "configuration files of " + r.To + ":"
	if r.Outcome == journal.RolledBack || r.Outcome == journal.Refused {
		what = "configuration files, as " + r.To + " would have had them:"
	}
	p.space()
	p.Line("%s", what)
	width := 0
	for _, f := range r.Changes {
		width = max(width, len(f.Target))
	}
	for _, f := range r.Changes {
		label := fmt.Sprintf("  %-9s  ", f.Did)
		line := strings.TrimRight(fmt.Sprintf("%-*s  %s", width, f.Target, f.Package), " ")
		if p.Width > 0 && columns(label)+columns(line) > p.Width { // no columns, then
			line = strings.TrimRight(f.Target+"\n"+f.Package, "\n")
		}
		p.Item(label, line)
		for _, c := range f.Changes {
			p.change(c)
		}
	}
}

// change prints a change; values of several lines as a patch would have them.
func (p Page) change(c config.Change) {
	const indent = "             "
	label, text := fmt.Sprintf(indent+"%-7s ", c.Kind), c.Key
	if strings.Contains(c.From+c.To, "\n") {
		p.Item(label, strings.TrimSpace(text+" ("+who(c.By)+")"))
		p.patch(indent+"  - ", c.From)
		if c.To != c.From {
			p.patch(indent+"  + ", c.To)
		}
		return
	}
	switch from, to := strings.TrimSpace(c.From), strings.TrimSpace(c.To); {
	case from != "" && to != "" && from != to:
		text += ": " + from + " -> " + to
	case from != "":
		text += ": " + from
	case to != "":
		text += ": " + to
	}
	p.item(label, strings.TrimPrefix(text, ": ")+" ("+who(c.By)+")", false, 2)
}

func (p Page) patch(label, lines string) {
	if lines == "" {
		return
	}
	for line := range strings.Lines(lines) {
		p.Item(label, strings.TrimRight(line, " \n"))
	}
}

// who decided about a change, in words.
func who(by string) string {
	switch by {
	case config.ByRelease:
		return "by the release"
	case config.BySet:
		return "set by the bundle"
	case config.ByPolicy:
		return "by the bundle's policy"
	case config.BySettings:
		return "by upgrade.conf"
	case config.ByAdmin:
		return "changed on this host"
	}
	return "by " + by
}

// Size writes a number of bytes for people.
func Size(bytes int64) string {
	switch {
	case bytes >= 10<<30:
		return fmt.Sprintf("%d GiB", bytes>>30)
	case bytes >= 10<<20:
		return fmt.Sprintf("%d MiB", bytes>>20)
	default:
		return fmt.Sprintf("%d KiB", (bytes+1023)>>10)
	}
}
