package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/agent"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/header"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
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
		return e.fail(fmt.Errorf("agents %s: %q is none", agentVerbs, o.verb), exitUsage)
	}
	a, rec, err := e.agentsRecord()
	if err != nil {
		return e.fail(err, exitFailed)
	}
	if rec == nil {
		return e.tellAgents(agent.Record{State: agent.Done, Why: "there are none to upgrade, or the upgrade has not come to them"})
	}
	switch o.verb {
	case "start", "resume":
		return e.beginAgents(ctx, a)
	case "wait":
		return e.waitForAgents(ctx, a)
	case "work":
		return e.workOnAgents(ctx, a)
	}
	return e.tellAgents(*rec)
}

// agentsRecord finds the record of the attempt that this program belongs to; nil when there is none.
func (e *env) agentsRecord() (layout.Attempt, *agent.Record, error) {
	p := e.bundle.Places()
	a, ok := e.latest()
	if filepath.Dir(e.bundle.Dir) == p.Run() { // the attempt's own engine
		a, ok = p.At(filepath.Base(e.bundle.Dir)), true
	}
	if !ok {
		return a, nil, attempt.Readable(p)
	}
	if e.bundle.Manifest.Agents == nil {
		return a, nil, nil
	}
	rec, err := agent.Read(a.Var)
	if errors.Is(err, os.ErrNotExist) {
		return a, nil, nil
	}
	return a, &rec, err
}

func (e *env) tellAgents(rec agent.Record) int {
	code := agentsExit(&rec)
	if e.json {
		return e.encode(rec, code)
	}
	view.Agents(e.out, e.bundle.Manifest.Prefix, rec)
	return code
}

// end is the exit code of an attempt that has ended, with its agents.
func (e *env) end(r upgrade.Report) int {
	if r.Outcome == journal.Upgraded {
		return agentsExit(r.Agents)
	}
	return exitOf(r.Outcome)
}

// printEnd prints how an attempt ended, and how its agents are.
func (e *env) printEnd(r upgrade.Report) {
	view.Outcome(e.out, r)
	if r.Outcome == journal.Upgraded && r.Agents != nil {
		view.Agents(e.out, e.prefix(), *r.Agents)
	}
}

// agentsExit is the exit code that the agents make of an upgrade that is done.
func agentsExit(rec *agent.Record) int {
	if rec == nil || rec.State == agent.Done || rec.State == agent.Left {
		return exitDone
	}
	return exitAgents
}

// beginAgents starts, or starts again, what works on the agents.
func (e *env) beginAgents(ctx context.Context, a layout.Attempt) int {
	done, err := journal.Read(a.Var)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	if done.Outcome != journal.Upgraded {
		return e.fail(errors.New("the upgrade has not ended well: agents are upgraded after it"), exitRefused)
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
func (e *env) waitForAgents(ctx context.Context, a layout.Attempt) int {
	for {
		rec, err := agent.Read(a.Var)
		if err != nil {
			return e.fail(err, exitFailed)
		}
		if rec.State != agent.Running {
			return e.tellAgents(rec)
		}
		select {
		case <-ctx.Done():
			return e.fail(errors.New("no longer waiting; the agents continue"), exitFailed)
		case <-time.After(view.Poll):
		}
	}
}

// workOnAgents is what the agents' unit runs.
func (e *env) workOnAgents(ctx context.Context, a layout.Attempt) int {
	p := e.bundle.Places()
	release, err := attempt.LockAgents(ctx, p)
	if err != nil {
		return e.fail(err, lockExit(err))
	}
	defer release()
	log, err := os.OpenFile(a.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return e.fail(err, exitFailed)
	}
	defer log.Close() //nolint:errcheck // nothing is read back from it
	slog.SetDefault(slog.New(slog.NewTextHandler(io.MultiWriter(log, e.err), &slog.HandlerOptions{ReplaceAttr: redact.Attr})))
	headers, err := header.ReadSecret(e.bundle.Manifest.Agents.Headers.File)
	if err != nil {
		return e.agentsLack(ctx, a, err)
	}
	rec, err := agent.Run(ctx, e.bundle.Manifest.Agents, headers, a.Var)
	if err != nil {
		return e.fail(err, exitFailed) // the unit is started again, now or at boot, and goes on
	}
	if err := attempt.EndAgents(ctx, p); err != nil {
		return e.fail(err, exitFailed)
	}
	view.Agents(e.err, p.Prefix, rec)
	return agentsExit(&rec)
}

// agentsLack ends the work on the agents for want of credentials.
func (e *env) agentsLack(ctx context.Context, a layout.Attempt, what error) int {
	rec, err := agent.Read(a.Var)
	if err == nil {
		rec.State, rec.Why = agent.Pending, what.Error()
		err = errors.Join(agent.Write(a.Var, rec), attempt.EndAgents(ctx, e.bundle.Places()))
	}
	if err != nil {
		return e.fail(err, exitFailed)
	}
	return e.tellAgents(rec)
}
