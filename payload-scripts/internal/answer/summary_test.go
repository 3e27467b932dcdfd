package answer

import (
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/agent"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/upgrade"
)

func TestSummaryOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome          journal.Outcome
		agents           *agent.Record
		idle             string
		want             Result
		cause, todo, own string // own is the report's
	}{
		"upgraded":         {outcome: journal.Upgraded, want: Upgraded},
		"agents done":      {outcome: journal.Upgraded, agents: &agent.Record{State: agent.Done}, want: Upgraded},
		"agents at work":   {outcome: journal.Upgraded, agents: &agent.Record{State: agent.Running}, want: Upgraded},
		"agents pending":   {outcome: journal.Upgraded, agents: &agent.Record{State: agent.Pending}, want: Upgraded, todo: "agents are pending: see `p agents status`"},
		"refused":          {outcome: journal.Refused, want: NotAllowed, cause: "the cause", todo: "remove the cause, then run `p start`"},
		"rolled back":      {outcome: journal.RolledBack, want: RolledBack, cause: "the cause", todo: "remove the cause, then run `p start`"},
		"needs a person":   {outcome: journal.NeedsAPerson, own: "do this", want: WantsAPerson, cause: "the cause", todo: "do this"},
		"at work":          {want: AtWork, cause: "the cause", todo: "wait for its end: `p wait --id 4.2.0-1-x`"},
		"nothing works it": {idle: "p.service is failed", want: WantsAPerson, cause: "p.service is failed", todo: "remove the cause, then run `p start`: it goes on from where it stands"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := upgrade.Report{ID: "4.2.0-1-x", From: "4.1.1", To: "4.2.0", Outcome: c.outcome, Agents: c.agents, Window: manifest.Duration(2 * time.Second), Error: "the cause", Todo: c.own}
			want := Summary{"4.2.0-1-x", "4.1.1", "4.2.0", c.want, manifest.Duration(2 * time.Second), c.cause, c.todo}
			if got := SummaryOf(r, "p", c.idle); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

func TestSummaryOfNone(t *testing.T) {
	t.Parallel()
	found := []finding.Finding{{ID: "excluded", Level: finding.Warn, What: "a warning"}, {ID: "no-room", Level: finding.Refuse, What: "no room", Do: "make room"}, {ID: "b", Level: finding.Refuse, What: "no b", Do: "get b"}}
	for name, c := range map[string]struct {
		none        NotStarted
		cause, todo string
	}{
		"never":       {NotStarted{Why: "nobody did"}, "nobody did", "run `p start`"},
		"refused":     {NotStarted{Why: "it was refused", Refused: true, Findings: found, Before: "4.2.0-1-x"}, "it was refused: no room (no-room); no b (b)", "make room; get b; then run `p start`"},
		"the gate":    {NotStarted{Why: "there is no room", Refused: true, Bundle: "p-4.2.0", Before: "4.1.1-1-x"}, "there is no room", "remove the cause, then install p-4.2.0 again"},
		"unknown one": {NotStarted{Why: "there is none", ID: "4.2.0-1-x"}, "there is none", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.none.From, c.none.To = "4.1.1", "4.2.0"
			if got, want := SummaryOfNone(c.none, "p"), (Summary{From: "4.1.1", To: "4.2.0", Outcome: NeverBegan, Cause: c.cause, Todo: c.todo}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}
