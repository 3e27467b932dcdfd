package view

import (
	"fmt"
	"io"

	"onerpm/payload-scripts/internal/agent"
)

// Agents prints how the agents are, and each group that failed. The command is what an admin types before "agents".
func Agents(w io.Writer, command string, rec agent.Record) {
	_, up := rec.Count(agent.Upgraded)
	_, all := rec.Count(agent.Waiting, agent.Asking, agent.Asked, agent.Upgraded, agent.Failed)
	count := fmt.Sprintf("%d of %d upgraded", up, all)
	switch rec.State {
	case agent.Pending:
		fmt.Fprintf(w, "agents: pending\n  because: %s\n", Indent(rec.Why))
	case agent.None:
		fmt.Fprintf(w, "agents: not begun\n  because: %s\n", Indent(rec.Why))
	case agent.Left:
		fmt.Fprintf(w, "agents: left alone, %s\n", rec.Why)
	case agent.Running:
		asked, _ := rec.Count(agent.Asking, agent.Asked)
		fmt.Fprintf(w, "agents: under way, %s, %d groups at work\n  wait for their end: %s agents wait\n", count, asked, command)
	case agent.Stopped:
		fmt.Fprintf(w, "agents: stopped, %s\n  because: %s\n  once the cause is gone: %s agents resume\n", count, Indent(rec.Why), command)
	default:
		fmt.Fprintf(w, "agents: done, %s\n", count)
		if rec.Why != "" {
			fmt.Fprintf(w, "  %s\n", rec.Why)
		}
	}
	if rec.LeftOut > 0 {
		fmt.Fprintf(w, "  note: %d groups were left out because they are not ready\n", rec.LeftOut)
	}
}
