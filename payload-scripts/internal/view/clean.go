package view

import (
	"fmt"
	"io"

	"onerpm/payload-scripts/internal/attempt"
)

// Freed is what cleaning came to.
type Freed struct {
	Bytes   int64
	DryRun  bool   // nothing was removed
	Pending string // id of an attempt that stays because its agents are pending; "" for none
}

// Cleaned prints what is left of attempts and was removed, or would be.
func Cleaned(w io.Writer, command string, found []attempt.Leftover, f Freed) {
	for _, l := range found {
		fmt.Fprintf(w, "%s: %s\n", l.ID, l.What)
		for _, path := range l.Paths {
			fmt.Fprintf(w, "  %s\n", path)
		}
		for _, path := range l.Behind {
			fmt.Fprintf(w, "  stays, as it is behind a symbolic link: %s\n", path)
		}
	}
	if f.Pending != "" {
		fmt.Fprintf(w, "%s: its agents are pending, so report, log and program of it stay; see %s agents status\n", f.Pending, command)
	}
	switch {
	case len(found) == 0:
		fmt.Fprintln(w, "there is nothing to remove")
	case f.DryRun:
		fmt.Fprintf(w, "nothing was removed; without --dry-run this frees %s\n", Size(f.Bytes))
	default:
		fmt.Fprintf(w, "removed; %s are free again\n", Size(f.Bytes))
	}
}
