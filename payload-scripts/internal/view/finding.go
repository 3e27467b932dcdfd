package view

import (
	"fmt"
	"io"
	"slices"
	"time"

	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/finding"
)

// Findings prints what a check has found, each with what to do.
func Findings(w io.Writer, found []finding.Finding) {
	for _, f := range found {
		fmt.Fprintf(w, "%-7s %s: %s\n", f.Level, f.ID, Indent(f.What))
		if f.Do != "" {
			fmt.Fprintf(w, "        -> %s\n", Indent(f.Do))
		}
	}
}

// NotStarted prints why there is no upgrade to tell of; never means that none was ever tried. The command is what an admin types.
func NotStarted(w io.Writer, command string, n answer.NotStarted, never bool) {
	switch {
	case never:
		fmt.Fprintf(w, "%s\n  look first: %s check\n  start it:   %s start\n", n.Why, command, command)
	case n.ID != "":
		fmt.Fprintln(w, n.Why)
	case n.Bundle != "":
		fmt.Fprintf(w, "no upgrade to %s was started (%s): the installation of %s was refused\n  because: %s\n  once the cause is gone: install it again\n",
			n.To, n.Time.Format(time.DateTime+" MST"), n.Bundle, Indent(n.Why))
	default:
		Findings(w, slices.DeleteFunc(slices.Clone(n.Findings), func(f finding.Finding) bool { return f.Level != finding.Refuse }))
		fmt.Fprintf(w, "no upgrade to %s was started (%s): %s\n  check again: %s check\n  start it:    %s start\n", n.To, n.Time.Format(time.DateTime+" MST"), n.Why, command, command)
	}
	if n.Before != "" {
		fmt.Fprintf(w, "  the upgrade before it: %s report --id %s\n", command, n.Before)
	}
}
