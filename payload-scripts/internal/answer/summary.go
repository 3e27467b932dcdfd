package answer

import (
	"fmt"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/agent"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/upgrade"
)

// Result is how an upgrade stands, in a word.
type Result string

// The results. The first four are those of a report.
const (
	Upgraded     Result = "upgraded"       // the new release serves
	NotAllowed   Result = "refused"        // something stood in the way; nothing was changed
	RolledBack   Result = "rolled-back"    // the old release serves, as it was
	WantsAPerson Result = "needs-a-person" // neither release could be completed, or nothing works on the upgrade any more
	AtWork       Result = "under-way"      // it goes on
	NeverBegan   Result = "not-started"    // there is no upgrade to tell of
)

// Summary is the answer of report --summary: what somebody needs who looks after many machines.
type Summary struct {
	ID      string            `json:"id"`      // id of the upgrade; empty where none was started
	From    string            `json:"from"`    // release that it starts from
	To      string            `json:"to"`      // release that it leads to
	Outcome Result            `json:"outcome"` // how it stands
	Window  manifest.Duration `json:"window"`  // time without service, "0s" while it is not known
	Cause   string            `json:"cause"`   // the first cause where it did not succeed; empty else
	Todo    string            `json:"todo"`    // what to do next; empty for nothing
}

// SummaryOf is the summary of a report. The command is what an admin types; idle is why nothing works on an upgrade that has
// not ended, "" when something does.
func SummaryOf(r upgrade.Report, command, idle string) Summary {
	s := Summary{ID: r.ID, From: r.From, To: r.To, Outcome: Result(r.Outcome), Window: r.Window, Cause: r.Error, Todo: r.Todo}
	switch r.Outcome {
	case journal.Running:
		s.Outcome = AtWork
		s.Todo = fmt.Sprintf("wait for its end: `%s wait --id %s`", command, r.ID)
		if idle != "" {
			s.Outcome, s.Cause = WantsAPerson, idle
			s.Todo = fmt.Sprintf("remove the cause, then run `%s start`: it goes on from where it stands", command)
		}
	case journal.Upgraded:
		s.Cause = ""
		if r.Agents != nil && r.Agents.State.Open() && r.Agents.State != agent.Running {
			s.Todo = fmt.Sprintf("agents are pending: see `%s agents status`", command)
		}
	case journal.Refused, journal.RolledBack:
		s.Todo = fmt.Sprintf("remove the cause, then run `%s start`", command)
	}
	return s
}

// SummaryOfNone is the summary where there is no upgrade to tell of.
func SummaryOfNone(n NotStarted, command string) Summary {
	s := Summary{From: n.From, To: n.To, Outcome: NeverBegan, Cause: n.Why}
	var what, do []string
	for _, f := range n.Findings {
		if f.Level == finding.Refuse {
			what, do = append(what, f.What+" ("+f.ID+")"), append(do, f.Do)
		}
	}
	switch {
	case n.ID != "":
	case n.Bundle != "":
		s.Todo = "remove the cause, then install " + n.Bundle + " again"
	case len(what) > 0:
		s.Cause += ": " + strings.Join(what, "; ")
		s.Todo = strings.Join(do, "; ") + fmt.Sprintf("; then run `%s start`", command)
	default:
		s.Todo = fmt.Sprintf("run `%s start`", command)
	}
	return s
}
