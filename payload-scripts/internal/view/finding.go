package view

import (
	"fmt"
	"io"

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
