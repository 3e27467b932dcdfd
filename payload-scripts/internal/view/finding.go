package view

import (
	"fmt"

	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/finding"
)

// Verdict prints what a check says, in a line, and what it has found.
func (p Page) Verdict(v answer.Verdict) {
	line, stands := fmt.Sprintf("nothing to do: this machine is %s already", v.To), false
	switch v.Verdict {
	case answer.Ready:
		line = fmt.Sprintf("ready: this machine can be upgraded from %s to %s", v.From, v.To)
	case answer.Refused:
		line, stands = fmt.Sprintf("refused: this machine cannot be upgraded from %s to %s as it is; nothing was changed", v.From, v.To), true
	case answer.UnderWay:
		line = "under way: an upgrade is at work on this machine"
	case answer.NeedsAPerson:
		line, stands = "needs a person: an upgrade of this machine has stopped half-way", true
	}
	p.Check(line, stands, v.Findings)
}

// Check prints the verdict of a check, then what was found: what stands in the way, each with what to do, what the admin
// should know, and last what was decided and by whom.
func (p Page) Check(verdict string, refused bool, found []finding.Finding) {
	p.item("", verdict, tone(refused), 2)
	p.Findings(found)
}

// Findings prints what a check has found, what refuses first.
func (p Page) Findings(found []finding.Finding) {
	for _, level := range []finding.Level{finding.Refuse, finding.Warn, finding.Note} {
		for _, f := range found {
			if f.Level != level {
				continue
			}
			p.finding(f)
		}
	}
}

func (p Page) finding(f finding.Finding) {
	label := fmt.Sprintf("%-7s ", f.Level)
	lines := paragraph(label, f.ID+": "+f.What, 0, p.Width)
	p.print(tone(f.Level == finding.Refuse), lines)
	if f.Do != "" {
		p.item("        -> ", f.Do, false, 0)
	}
}

// NotStarted prints why there is no upgrade to tell of, and what to type; never means that none was ever tried. The command is what an admin types.
func (p Page) NotStarted(command string, n answer.NotStarted, never bool) {
	var stands []finding.Finding
	switch {
	case never:
		p.Line("%s", n.Why)
		p.Line("  look first: `%s check`", command)
		p.Line("  start it:   `%s start`", command)
	case n.ID != "":
		p.Line("%s", n.Why)
	case n.Bundle != "":
		p.Line("no upgrade to %s was started: the installation of %s was refused", n.To, n.Bundle)
		p.Item("  because: ", n.Why)
		p.Line("  at %s", p.Stamp(n.Time))
		p.Line("  once the cause is gone: install it again")
	default:
		stands = n.Findings
		p.Line("no upgrade to %s was started: %s", n.To, n.Why)
		p.Line("  at %s", p.Stamp(n.Time))
		p.Again(command)
	}
	if n.Before != "" {
		p.Line("  the upgrade before it: `%s report --id %s`", command, n.Before)
	}
	for _, f := range stands {
		if f.Level == finding.Refuse {
			p.finding(f)
		}
	}
}

// Again prints what to type once the cause is gone that kept an upgrade from being started.
func (p Page) Again(command string) {
	p.Line("  check again: `%s check`", command)
	p.Line("  start it:    `%s start`", command)
}
