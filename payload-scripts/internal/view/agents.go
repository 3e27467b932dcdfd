package view

import (
	"fmt"

	"onerpm/payload-scripts/internal/agent"
)

// Agents prints how the agents are, and each group that failed. The command is what an admin types before "agents".
func (p Page) Agents(command string, rec agent.Record) {
	_, up := rec.Count(agent.Upgraded)
	_, all := rec.Count(agent.Waiting, agent.Asking, agent.Asked, agent.Upgraded, agent.Failed)
	count := fmt.Sprintf("%d of %d upgraded", up, all)
	because := func(what string) {
		p.Line("%s", what)
		p.item("  because: ", rec.Why, false, 0)
	}
	switch rec.State {
	case agent.Pending:
		because("agents: pending")
	case agent.None:
		because("agents: not begun")
	case agent.Left:
		p.Line("agents: left alone, %s", rec.Why)
	case agent.Running:
		asked, _ := rec.Count(agent.Asking, agent.Asked)
		p.Line("agents: under way, %s, %d groups at work", count, asked)
		p.Line("  wait for their end: `%s agents wait`", command)
	case agent.Stopped:
		because("agents: stopped, " + count)
		p.Line("  once the cause is gone: `%s agents resume`", command)
	default:
		p.Line("agents: done, %s", count)
		if rec.Why != "" {
			p.Line("  %s", rec.Why)
		}
	}
	if rec.LeftOut > 0 {
		p.Line("  note: %d groups were left out because they are not ready", rec.LeftOut)
	}
}
