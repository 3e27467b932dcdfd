package migration

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"onerpm/payload-scripts/internal/database"
)

// Error is a migration that did not happen, with what did.
type Error struct {
	File      string   // its name
	Down      bool     // it was taken back, not applied
	Statement int      // which statement of that direction failed, from 1; 0 when it was none of them
	Text      string   // that statement, cut short; our own text, no data
	Kept      bool     // it runs outside a transaction: something of it may be there until the next run clears it
	Did       []string // files that were done before it in this run
	Err       error
}

func (e *Error) Error() string {
	var b strings.Builder
	verb := "apply"
	if e.Down {
		verb = "take back"
	}
	fmt.Fprintf(&b, "%s migration %s", verb, e.File)
	if e.Statement > 0 {
		fmt.Fprintf(&b, ", statement %d (%s)", e.Statement, e.Text)
	}
	fmt.Fprintf(&b, ": %v; ", e.Err)
	switch {
	case database.Lost(e.Err) || errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, context.DeadlineExceeded):
		b.WriteString("the session ended, so this file may have been done or not, the next run sees which; ")
	case e.Kept:
		b.WriteString("an unfinished index of it may be left, which the next run drops; ")
	default:
		b.WriteString("nothing of this file was kept; ")
	}
	switch n := len(e.Did); n {
	case 0:
		b.WriteString("no other file was done before it in this run")
	case 1:
		fmt.Fprintf(&b, "done before it in this run: %s", e.Did[0])
	default:
		fmt.Fprintf(&b, "done before it in this run: %d files, %s to %s", n, e.Did[0], e.Did[n-1])
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
