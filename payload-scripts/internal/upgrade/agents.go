package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/gofrs/flock"

	"onerpm/payload-scripts/internal/agent"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/header"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/layout"
)

// agents are the product's agents on other machines in an attempt.
type agents struct{ *job.Job }

// handOver notes that the agents are to be upgraded. Nothing is asked
// of them here: that begins when the attempt has ended.
func (a *agents) handOver(context.Context) error {
	if a.Manifest().Agents == nil {
		return nil
	}
	if _, err := agent.Read(a.Attempt.Var); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return agent.Write(a.Attempt.Var, agent.Record{State: agent.Pending})
}

// begin starts what works on the agents. An upgrade that has succeeded is not spoiled by
// an error here: it is in the log, and the agents stay pending.
func (a *agents) begin(ctx context.Context) {
	if a.Manifest().Agents == nil {
		return
	}
	rec, err := agent.Read(a.Attempt.Var)
	if err == nil && (rec.State == agent.Pending || rec.State == agent.Running) {
		_, err = BeginAgents(ctx, a.Bundle, a.Attempt, false)
	}
	if err != nil {
		slog.Warn("the agents were not begun", "error", err)
	}
}

// BeginAgents starts what works on an attempt's agents, or notes what it is missing, and
// returns the record as it is then. evenLeft is the admin's order, which goes over the mark that leaves them alone.
func BeginAgents(ctx context.Context, b *layout.Bundle, a layout.Attempt, evenLeft bool) (agent.Record, error) {
	p := b.Places()
	lock := flock.New(p.AgentsLock())
	free, err := lock.TryLock()
	if err != nil {
		return agent.Record{}, err
	}
	if free {
		defer lock.Unlock() //nolint:errcheck // ends with the process
	}
	rec, err := agent.Read(a.Var)
	if err != nil || !free { // whoever holds it works on them
		return rec, err
	}
	credentials := b.Manifest.Agents.Headers.File
	_, lacks := header.ReadSecret(credentials)
	_, left := os.Stat(p.NoAgents())
	switch {
	case left == nil && !evenLeft:
		rec.State, rec.Why = agent.Left, p.NoAgents()+" is there"
		return rec, agent.Write(a.Var, rec)
	case errors.Is(lacks, os.ErrNotExist):
		rec.State, rec.Why = agent.Pending, fmt.Sprintf("there is no %s: write the headers that let an administrator in, one \"Name: value\" a line, chmod 600, then run `%s agents start`", credentials, p.Prefix)
		return rec, agent.Write(a.Var, rec)
	case lacks != nil:
		rec.State, rec.Why = agent.Pending, fmt.Sprintf("%v; then run `%s agents start`", lacks, p.Prefix)
		return rec, agent.Write(a.Var, rec)
	}
	rec.State, rec.Why = agent.Running, ""
	if err := agent.Write(a.Var, rec); err != nil {
		return rec, err
	}
	return rec, attempt.BeginAgents(ctx, p, a, b.Manifest)
}
