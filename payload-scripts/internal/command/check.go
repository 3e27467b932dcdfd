package command

import (
	"context"
	"fmt"
	"slices"

	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/hostcheck"
	"onerpm/payload-scripts/internal/preflight"
	"onerpm/payload-scripts/internal/view"
)

// runCheck tells everything that stands in the way of the upgrade, in one run.
func runCheck(ctx context.Context, e *env, _ options) int {
	return e.tell(e.check(ctx))
}

// check looks at the host, and at whether another upgrade is at work.
func (e *env) check(ctx context.Context) []finding.Finding {
	underWay := ""
	switch word, err := attempt.State(e.bundle.Places()); {
	case err != nil:
		underWay = err.Error()
	case word == attempt.Running:
		underWay = "an upgrade is under way"
	case word == attempt.NeedsAPerson:
		underWay = "an upgrade needs a person"
	}
	return hostcheck.Check(ctx, e.bundle, hostcheck.Options{UnderWay: underWay})
}

// verdict is the JSON form of a check.
type verdict struct {
	From     string            `json:"from"`
	To       string            `json:"to"`
	Verdict  string            `json:"verdict"` // ready, refused or nothing-to-do
	Findings []finding.Finding `json:"findings"`
}

func (e *env) tell(found []finding.Finding) int {
	m := e.bundle.Manifest
	v := verdict{From: m.From, To: m.To, Verdict: "ready", Findings: found}
	code := exitDone
	switch {
	case alreadyNew(found):
		v.Verdict = "nothing-to-do"
	case slices.ContainsFunc(found, func(f finding.Finding) bool { return f.Level == finding.Refuse }):
		v.Verdict, code = "refused", exitRefused
	}
	if e.json {
		return e.encode(v, code)
	}
	view.Findings(e.out, found)
	switch v.Verdict {
	case "ready":
		fmt.Fprintf(e.out, "ready: this machine can be upgraded from %s to %s\n", m.From, m.To)
	case "refused":
		fmt.Fprintf(e.out, "refused: this machine cannot be upgraded from %s to %s as it is; nothing was changed\n", m.From, m.To)
	default:
		fmt.Fprintf(e.out, "nothing to do: this machine is %s already\n", m.To)
	}
	return code
}

// alreadyNew tells whether the check found that the host is at the new release.
func alreadyNew(found []finding.Finding) bool {
	return slices.ContainsFunc(found, func(f finding.Finding) bool { return f.ID == preflight.AlreadyNew })
}
