package view

import (
	"fmt"
	"slices"
	"time"

	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/journal"
)

// History prints all attempts, the newest first, each with its outcome and its cause in one line. Folder is where they lie.
func (p Page) History(product, folder string, all []attempt.Past) {
	if len(all) == 0 {
		p.Line("no upgrade of %s was tried on this machine", product)
		return
	}
	count := "1 upgrade of " + product + " was tried on this machine"
	if len(all) > 1 {
		count = fmt.Sprintf("%d upgrades of %s were tried on this machine, the newest first", len(all), product)
	}
	p.Line("%s; their logs and reports are in %s", count, folder)
	for _, a := range slices.Backward(all) {
		p.space()
		p.attempt(a)
	}
}

func (p Page) attempt(a attempt.Past) {
	outcome, t := "under way", tone(false)
	switch a.Outcome {
	case journal.Running:
	case journal.NeedsAPerson:
		outcome, t = "needs a person", bad
	case journal.RolledBack:
		outcome = "rolled back"
	default:
		outcome = string(a.Outcome)
	}
	if a.Unreadable {
		p.item("", a.ID+": its journal cannot be read", bad, 2)
		return
	}
	p.item("", fmt.Sprintf("%s to %s: %s", a.From, a.To, outcome), t, 2)
	when := "  began " + p.Stamp(a.Began)
	if !a.Ended.IsZero() {
		when += ", took " + a.Ended.Sub(a.Began).Round(time.Second).String()
	}
	p.Line("%s", when)
	if w := a.Window(); w > 0 {
		p.Line("  out of service for %s", w.Round(time.Millisecond))
	}
	if a.Error != "" {
		c := causeOf(a.Error)
		p.item("  cause: ", c.what, false, 0)
		if c.said != "" {
			p.item("         it said: ", c.said, false, 0)
		}
	}
	p.Line("  %s", a.ID)
}
