package view

import (
	"fmt"
	"io"
	"time"

	"onerpm/payload-scripts/internal/rehearsal"
)

// Rehearsal shows what a rehearsal found.
func Rehearsal(w io.Writer, r *rehearsal.Report) {
	fmt.Fprintf(w, "%s: %s to %s, rehearsed in %s; nothing that serves was touched\n", r.Product, r.From, r.To, r.Took.D().Round(time.Second))
	for _, f := range r.Findings {
		fmt.Fprintf(w, "  note: %s: %s\n", f.ID, Indent(f.What))
	}
	for _, d := range r.Databases {
		fmt.Fprintf(w, "database %s, %d rows: copied in %s, expanded in %s while it serves, switched in %s, taken back in %s\n",
			d.Name, d.Rows, short(d.Copy.D()), short(d.Expand.D()), short(d.Switch.D()), short(d.Back.D()))
	}
	for _, s := range r.Stores {
		fmt.Fprintf(w, "store %s, %d documents: copied to %d rows in %s while it serves, brought up to date in %s\n", s.Name, s.Documents, s.Rows, short(s.First.D()), short(s.Second.D()))
		for _, left := range s.Left {
			fmt.Fprintf(w, "  note: %s\n", left)
		}
	}
	changed := 0
	for _, c := range r.Changes {
		if len(c.Changes) > 0 {
			changed++
		}
	}
	fmt.Fprintf(w, "configuration: %d files merged, %d of them change\n", len(r.Changes), changed)
	if len(r.Untried) > 0 {
		fmt.Fprintln(w, "this could not be rehearsed here, and says nothing about the upgrade:")
		for _, p := range r.Untried {
			fmt.Fprintf(w, "  %s\n", Indent(p))
		}
	}
	if len(r.Problems) > 0 {
		fmt.Fprintln(w, "the upgrade would go back:")
		for _, p := range r.Problems {
			fmt.Fprintf(w, "  %s\n", Indent(p))
		}
		return
	}
	if len(r.Untried) > 0 {
		fmt.Fprintln(w, "the window to expect, without that:")
	} else {
		fmt.Fprintln(w, "the window to expect:")
	}
	for _, p := range r.Parts {
		fmt.Fprintf(w, "  %-40s %10s  %s\n", p.Name, short(p.Takes.D()), p.How)
	}
	fmt.Fprintf(w, "  %-40s %10s  (limit %s)\n", "together", short(r.Window.D()), r.Limit.D())
}

func short(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }
