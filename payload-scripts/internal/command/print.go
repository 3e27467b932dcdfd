package command

import (
	"fmt"
	"io"
	"time"

	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/upgrade"
)

// printStep prints one step as a line whose columns line up.
func printStep(w io.Writer, s journal.Step) {
	took, mark := "interrupted", "-"
	if !s.Ended.IsZero() {
		took, mark = s.Ended.Sub(s.Began).Round(10*time.Millisecond).String(), "+"
	}
	if s.Error != "" {
		mark = "!"
	}
	fmt.Fprintf(w, "%s %-8s %-40s %12s\n", mark, s.Phase, s.Name, took)
	if s.Error != "" {
		fmt.Fprintf(w, "    %s\n", indent(s.Error))
	}
}

// printOutcome prints how it ended, or that it has not.
func printOutcome(w io.Writer, r upgrade.Report) {
	switch r.Outcome {
	case journal.Upgraded:
		fmt.Fprintf(w, "done: %s is %s; out of service for %s (limit %s)\n", r.Product, r.To, r.Window.D().Round(time.Millisecond), r.Limit.D())
	case journal.Refused:
		fmt.Fprintf(w, "refused: nothing was changed, %s is %s\n  because: %s\n", r.Product, r.From, indent(r.Error))
	case journal.RolledBack:
		fmt.Fprintf(w, "rolled back: %s is %s as it was before\n  because: %s\n", r.Product, r.From, indent(r.Error))
	case journal.NeedsAPerson:
		fmt.Fprintf(w, "needs a person\n  because: %s\n  %s\n", indent(r.Error), indent(r.Todo))
	default:
		way := "going to " + r.To
		if r.Back {
			way = "going back to " + r.From
		}
		fmt.Fprintf(w, "under way: phase %s, %s, for %s\n", r.Phase, way, time.Since(r.Began).Round(time.Second))
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "  note: %s\n", indent(warning))
	}
}

// printReport prints the whole report.
func printReport(w io.Writer, r upgrade.Report) {
	fmt.Fprintf(w, "%s: %s to %s (%s)\n", r.Product, r.From, r.To, r.ID)
	fmt.Fprintf(w, "began %s", r.Began.Format(time.RFC3339))
	if !r.Ended.IsZero() {
		fmt.Fprintf(w, ", ended %s, took %s", r.Ended.Format(time.RFC3339), r.Ended.Sub(r.Began).Round(time.Second))
	}
	fmt.Fprintln(w)
	for _, s := range r.Steps {
		printStep(w, s)
	}
	printOutcome(w, r)
}
