package command

import (
	"context"
	"os"

	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/hostcheck"
	"onerpm/payload-scripts/internal/layout"
)

// runCheck tells everything that stands in the way of the upgrade, in one run.
func runCheck(ctx context.Context, e *env, _ options) int {
	return e.tell(e.look(ctx))
}

// look checks the host. Where an upgrade has not ended that is all it says.
func (e *env) look(ctx context.Context) answer.Verdict {
	m := e.bundle.Manifest
	if os.Geteuid() != 0 { // nobody else can know how upgrades stand
		return answer.VerdictOf(m, e.checks(ctx, e.bundle))
	}
	p := e.bundle.Places()
	s, idle, err := attempt.StandNow(ctx, p)
	if err != nil {
		return answer.VerdictOf(m, []finding.Finding{{ID: "check-failed", Level: finding.Refuse,
			What: "could not find out whether an upgrade of this machine has not ended, so nothing else was looked at: " + err.Error(), Do: "remove the cause, then check again"}})
	}
	if !s.Unfinished() {
		return answer.VerdictOf(m, e.checks(ctx, e.bundle))
	}
	v := answer.VerdictOf(m, []finding.Finding{s.Finding(p, idle)})
	v.Verdict, v.ID = answer.NeedsAPerson, s.ID
	if s.Word == attempt.Running && idle == "" {
		v.Verdict = answer.UnderWay
	}
	return v
}

// checkHost runs every check of the host for a bundle.
func checkHost(ctx context.Context, b *layout.Bundle) []finding.Finding {
	return hostcheck.Check(ctx, b, hostcheck.Options{})
}

// codes are the exit codes of what a check says.
var codes = map[answer.Judgement]int{
	answer.Ready: exitDone, answer.NothingToDo: exitDone, answer.Refused: exitRefused, answer.UnderWay: exitUnderWay, answer.NeedsAPerson: exitNeedsPerson,
}

func (e *env) tell(v answer.Verdict) int {
	code := codes[v.Verdict]
	if e.JSON {
		return e.Encode(v, code)
	}
	e.page().Verdict(v)
	return code
}
