package view

import "onerpm/payload-scripts/internal/attempt"

// Freed is what cleaning came to.
type Freed struct {
	Bytes   int64
	DryRun  bool   // nothing was removed
	Pending string // id of an attempt that stays because its agents are pending; "" for none
}

// Cleaned prints what was removed of attempts, or would be: first how much space that frees. The command is what an admin types.
func (p Page) Cleaned(command string, found []attempt.Leftover, f Freed) {
	switch {
	case len(found) == 0:
		p.Line("there is nothing to remove")
	case f.DryRun:
		p.Line("nothing was removed; without --dry-run this frees %s", Size(f.Bytes))
	default:
		p.Line("removed; %s are free again", Size(f.Bytes))
	}
	for _, l := range found {
		p.Line("%s: %s", l.ID, l.What)
		for _, path := range l.Paths {
			p.Line("  %s", path)
		}
		for _, path := range l.Behind {
			p.Line("  stays, as it is behind a symbolic link: %s", path)
		}
	}
	if f.Pending != "" {
		p.Line("%s: its agents are pending, so report, log and program of it stay; see `%s agents status`", f.Pending, command)
	}
}
