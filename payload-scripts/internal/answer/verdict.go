package answer

import (
	"slices"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/preflight"
)

// Judgement is what a check says of a machine, in a word.
type Judgement string

// The judgements. UnderWay and NeedsAPerson stand with one finding: nothing else was looked at.
const (
	Ready        Judgement = "ready"          // nothing stands in the way
	Refused      Judgement = "refused"        // findings of the level refuse do
	NothingToDo  Judgement = "nothing-to-do"  // the machine has the new release
	UnderWay     Judgement = "under-way"      // an upgrade is at work
	NeedsAPerson Judgement = "needs-a-person" // an upgrade has stopped half-way
)

// Verdict is the answer of check, and of start and rehearse where they began nothing.
type Verdict struct {
	From     string            `json:"from"`         // release that the bundle starts from
	To       string            `json:"to"`           // release that it leads to
	Verdict  Judgement         `json:"verdict"`      // what the check says, in a word
	ID       string            `json:"id,omitempty"` // upgrade that is at work or has stopped half-way; it may be another bundle's
	Findings []finding.Finding `json:"findings"`     // everything that was found, an empty list when that is nothing
}

// VerdictOf is what findings about a machine say.
func VerdictOf(m *manifest.Manifest, found []finding.Finding) Verdict {
	v := Verdict{From: m.From, To: m.To, Verdict: Ready, Findings: list(found)}
	has := func(is func(finding.Finding) bool) bool { return slices.ContainsFunc(found, is) }
	switch {
	case has(func(f finding.Finding) bool { return f.ID == preflight.AlreadyNew }):
		v.Verdict = NothingToDo
	case has(func(f finding.Finding) bool { return f.Level == finding.Refuse }):
		v.Verdict = Refused
	}
	return v
}

// list is a list that is never null.
func list[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}
