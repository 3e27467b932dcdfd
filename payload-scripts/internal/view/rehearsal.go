package view

import (
	"fmt"
	"time"

	"onerpm/payload-scripts/internal/rehearsal"
)

// Rehearsal shows what a rehearsal found: first whether the upgrade would reach its end, and how long it takes.
func (p Page) Rehearsal(r *rehearsal.Report) {
	way := fmt.Sprintf("%s from %s to %s", r.Product, r.From, r.To)
	switch {
	case len(r.Problems) > 0:
		p.item("", "the upgrade would go back: "+way, bad, 2)
		for _, problem := range r.Problems {
			p.cause(problem, bad)
		}
	case len(r.Untried) > 0:
		p.Line("what could be rehearsed would pass: %s", way)
	default:
		p.Line("the upgrade would reach its end: %s", way)
	}
	if len(r.Untried) > 0 {
		p.Line("this could not be rehearsed here, and says nothing about the upgrade:")
		for _, what := range r.Untried {
			p.Item("  ", what)
		}
	}
	p.Line("rehearsed in %s; nothing that serves was touched", r.Took.D().Round(time.Second))
	for _, f := range r.Findings {
		p.Item(noteLabel, f.ID+": "+f.What)
	}
	for _, d := range r.Databases {
		p.Line("database %s, %d rows: copied in %s, expanded in %s while it serves, switched in %s, taken back in %s",
			d.Name, d.Rows, short(d.Copy.D()), short(d.Expand.D()), short(d.Switch.D()), short(d.Back.D()))
	}
	for _, s := range r.Stores {
		p.Line("store %s, %d documents: copied to %d rows in %s while it serves, brought up to date in %s", s.Name, s.Documents, s.Rows, short(s.First.D()), short(s.Second.D()))
		for _, left := range s.Left {
			p.Item("  note: ", left)
		}
	}
	changed := 0
	for _, c := range r.Changes {
		if len(c.Changes) > 0 {
			changed++
		}
	}
	p.Line("configuration: %d files merged, %d of them change", len(r.Changes), changed)
	if len(r.Problems) == 0 {
		p.parts(r)
	}
}

// parts prints the window to expect, part by part, and what comes before it.
func (p Page) parts(r *rehearsal.Report) {
	if len(r.Untried) > 0 {
		p.Line("the window to expect, without that:")
	} else {
		p.Line("the window to expect:")
	}
	width := 40
	if p.Width > 0 && p.Width < 67 {
		width = max(p.Width-27, 12)
	}
	row := func(name, takes, how string) {
		if p.Width > 0 && columns(name) > width {
			p.Line("  %s", name)
			name = ""
		}
		p.print(false, []string{fmt.Sprintf("  %-*s %10s  %s", width, name, takes, how)})
	}
	for _, part := range r.Parts {
		row(part.Name, short(part.Takes.D()), part.How)
	}
	row("together", short(r.Window.D()), fmt.Sprintf("(limit %s)", r.Limit.D()))
	row("before it, while the product serves", short(r.Prepare.D()), "about")
}

func short(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }
