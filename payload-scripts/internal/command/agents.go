package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"onerpm/payload-scripts/internal/advice"
	"onerpm/payload-scripts/internal/agent"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/subject"
	"onerpm/payload-scripts/internal/upgrade"
	"onerpm/payload-scripts/internal/view"
)

// agentVerbs are the words that follow "agents".
const agentVerbs = "status, start, resume or wait"

// runAgents tells how the agents are, starts them or works on them.
func runAgents(ctx context.Context, e *env, o options) int {
	switch o.verb {
	case "", "status", "start", "resume", "wait", "work":
	default:
		return e.fail(advice.With(fmt.Errorf("agents %q is no command", o.verb), "run agents %s", agentVerbs), exitUsage)
	}
	a, rec, err := e.agentsRecord()
	if err != nil {
		return e.fail(err, exitFailed)
	}
	if rec.State == agent.None {
		other, pending, err := attempt.PendingAgents(e.bundle.Places())
		if err != nil || pending { // only the program of that upgrade can go on with them
			return e.fail(errors.Join(err, advice.With(fmt.Errorf("the agents of the upgrade %s are pending", other.ID), "run `%s/bin/engine agents %s`", other.Run, cmp.Or(o.verb, "status"))), exitAgents)
		}
	}
	switch o.verb {
	case "start", "resume":
		return e.beginAgents(ctx, a, rec)
	case "wait":
		return e.waitForAgents(ctx, a, rec)
	case "work":
		return e.workOnAgents(ctx, a, rec)
	}
	return e.tellAgents(rec)
}

// agentsRecord tells how the agents of the attempt are that this program belongs to.
func (e *env) agentsRecord() (layout.Attempt, agent.Record, error) {
	p, m := e.bundle.Places(), e.bundle.Manifest
	a, ok := subject.Latest(e.bundle)
	if filepath.Dir(e.bundle.Dir) == p.Run() { // the attempt's own engine
		a, ok = p.At(filepath.Base(e.bundle.Dir)), true
	}
	if !ok {
		none := agent.Record{State: agent.None, Why: fmt.Sprintf("there is no upgrade to %s on record here; start it: %s start", m.To, e.bundle.Command())}
		return a, none, attempt.Readable(p)
	}
	done, err := journal.Read(a.Var)
	return a, upgrade.AgentsOf(e.bundle, a, done.Outcome), err
}

func (e *env) tellAgents(rec agent.Record) int {
	code := agentsExit(&rec)
	if e.JSON {
		if rec.Groups == nil {
			rec.Groups = []agent.Group{}
		}
		return e.Encode(rec, code)
	}
	e.page().Agents(e.bundle.Command(), rec)
	return code
}

// end is the exit code of an attempt that has ended, with its agents.
func (e *env) end(r upgrade.Report) int {
	if r.Outcome == journal.Upgraded {
		return agentsExit(r.Agents)
	}
	return exitOf(r.Outcome)
}

// screen is what people are shown of an attempt.
func (e *env) screen(a layout.Attempt, rec journal.Record) view.Screen {
	_, err := os.Stat(a.RollbackRequest())
	return view.Screen{Report: upgrade.ReportOf(e.bundle, a, rec), Record: rec, Command: e.bundle.Command(), Log: a.Log(), Backup: a.Backup(""), Wish: err == nil}
}

// state prints how an attempt is or how it ended, and how its agents are.
func (e *env) state(s view.Screen) {
	e.page().State(s)
	if r := s.Report; r.Outcome == journal.Upgraded && r.Agents != nil {
		e.page().Agents(e.bundle.Command(), *r.Agents)
	}
}

// agentsExit is the exit code that the agents make of an upgrade that is done.
func agentsExit(rec *agent.Record) int {
	switch {
	case rec == nil || !rec.State.Open():
		return exitDone
	case rec.State == agent.None:
		return exitNotStarted
	}
	return exitAgents
}

// beginAgents starts, or starts again, what works on the agents.
func (e *env) beginAgents(ctx context.Context, a layout.Attempt, rec agent.Record) int {
	if rec.State == agent.None {
		return e.fail(advice.With(errors.New("agents were not begun: "+rec.Why), "see `%s report`", e.bundle.Command()), exitRefused)
	}
	if e.bundle.Manifest.Agents == nil {
		return e.tellAgents(rec)
	}
	rec, err := upgrade.BeginAgents(ctx, e.bundle, a, true)
	if err != nil {
		return e.fail(fmt.Errorf("start the agents: %w", err), exitFailed)
	}
	code := e.tellAgents(rec)
	if rec.State == agent.Running {
		return exitDone // what was asked for is done: they are under way
	}
	return code
}

// waitForAgents waits until nothing works on the agents any more.
func (e *env) waitForAgents(ctx context.Context, a layout.Attempt, rec agent.Record) int {
	for rec.State == agent.Running {
		select {
		case <-ctx.Done():
			return e.fail(advice.With(errors.New("no longer waiting, and the agents continue"), "run `%s agents wait` again", e.bundle.Command()), exitFailed)
		case <-time.After(view.Poll):
		}
		var err error
		if rec, err = agent.Read(a.Var); err != nil {
			return e.fail(err, exitFailed)
		}
	}
	return e.tellAgents(rec)
}

// workOnAgents is what the agents' unit runs.
func (e *env) workOnAgents(ctx context.Context, a layout.Attempt, rec agent.Record) int {
	rec, err := upgrade.WorkOnAgents(ctx, e.bundle, a, rec, e.Err)
	if err != nil {
		return e.fail(err, lockExit(err)) // but where another one works on them, the unit is started again and goes on
	}
	return e.tellAgents(rec)
}
