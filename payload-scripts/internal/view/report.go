// Package view shows an attempt to people: its steps, how it ended, what became of the
// configuration, and on a terminal what is under way. It reads the journal and the progress
// file, and changes nothing.
package view

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/config"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/upgrade"
)

// Step prints one step as a line whose columns line up.
func Step(w io.Writer, s journal.Step) {
	took, mark := "interrupted", "-"
	if !s.Ended.IsZero() {
		took, mark = s.Ended.Sub(s.Began).Round(10*time.Millisecond).String(), "+"
	}
	if s.Error != "" {
		mark = "!"
	}
	fmt.Fprintf(w, "%s %-8s %-40s %12s\n", mark, s.Phase, s.Name, took)
	if s.Error != "" {
		fmt.Fprintf(w, "    %s\n", Indent(s.Error))
	}
}

// Outcome prints how it ended, or that it has not.
func Outcome(w io.Writer, r upgrade.Report) {
	switch r.Outcome {
	case journal.Upgraded:
		fmt.Fprintf(w, "done: %s is %s; %s\n", r.Product, r.To, window(r))
	case journal.Refused:
		fmt.Fprintf(w, "refused: nothing was changed, %s is %s\n  because: %s\n", r.Product, r.From, Indent(r.Error))
	case journal.RolledBack:
		fmt.Fprintf(w, "rolled back: %s is %s as it was before; %s\n  because: %s\n", r.Product, r.From, window(r), Indent(r.Error))
	case journal.NeedsAPerson:
		fmt.Fprintf(w, "needs a person\n  because: %s\n  %s\n", Indent(r.Error), Indent(r.Todo))
	default:
		if r.Todo != "" {
			fmt.Fprintf(w, "not under way: phase %s, %s\n  %s\n", r.Phase, direction(r), Indent(r.Todo))
			break
		}
		fmt.Fprintf(w, "under way: phase %s, %s, for %s\n", r.Phase, direction(r), time.Since(r.Began).Round(time.Second))
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "  note: %s\n", Indent(warning))
	}
	if r.Excluded != "" {
		fmt.Fprintf(w, "  note: %s\n", Indent(r.Excluded))
	}
}

func direction(r upgrade.Report) string {
	if r.Back {
		return "going back to " + r.From
	}
	return "going to " + r.To
}

// window tells the time without service, and how it was measured.
func window(r upgrade.Report) string {
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

// Report prints the whole report.
func Report(w io.Writer, r upgrade.Report) {
	fmt.Fprintf(w, "%s: %s to %s (%s)\n", r.Product, r.From, r.To, r.ID)
	fmt.Fprintf(w, "began %s", r.Began.Format(time.RFC3339))
	if !r.Ended.IsZero() {
		fmt.Fprintf(w, ", ended %s, took %s", r.Ended.Format(time.RFC3339), r.Ended.Sub(r.Began).Round(time.Second))
	}
	fmt.Fprintln(w)
	for _, s := range r.Steps {
		Step(w, s)
	}
	printStores(w, r)
	printChanges(w, r)
}

// printStores prints what became of the documents of each store.
func printStores(w io.Writer, r upgrade.Report) {
	for _, name := range slices.Sorted(maps.Keys(r.Stores)) {
		n := r.Stores[name]
		switch {
		case r.Outcome == journal.Upgraded:
			var rows int64
			for _, count := range n.Rows {
				rows += count
			}
			fmt.Fprintf(w, "store %s: %d documents became %d rows\n", name, n.Documents, rows)
			for _, left := range n.Left {
				fmt.Fprintf(w, "  %s\n", left)
			}
		case n.Returned:
			fmt.Fprintf(w, "store %s: its source was proved to have what it had\n", name)
		}
	}
}

// printChanges prints what became of each configuration file, in columns, and
// below it what the merge decided; its values hold no secret.
func printChanges(w io.Writer, r upgrade.Report) {
	if len(r.Changes) == 0 {
		return
	}
	what := "configuration files of " + r.To + ":"
	if r.Outcome == journal.RolledBack || r.Outcome == journal.Refused {
		what = "configuration files, as " + r.To + " would have had them:"
	}
	fmt.Fprintln(w, what)
	width := 0
	for _, f := range r.Changes {
		width = max(width, len(f.Target))
	}
	for _, f := range r.Changes {
		line := fmt.Sprintf("  %-9s  %-*s  %s", f.Did, width, f.Target, f.Package)
		fmt.Fprintln(w, strings.TrimRight(line, " "))
		for _, c := range f.Changes {
			for line := range strings.SplitSeq(change(c), "\n") {
				fmt.Fprintln(w, strings.TrimRight("             "+line, " "))
			}
		}
	}
}

func change(c config.Change) string {
	text := fmt.Sprintf("%-7s", c.Kind)
	if c.Key != "" {
		text += " " + c.Key
	}
	switch {
	case c.From != "" && c.To != "" && c.From != c.To:
		text += ": " + c.From + " -> " + c.To
	case c.From != "":
		text += ": " + c.From
	case c.To != "":
		text += ": " + c.To
	}
	return text + " (by " + c.By + ")"
}

// Indent lets the lines after the first stand below it.
func Indent(s string) string {
	return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n           ")
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
