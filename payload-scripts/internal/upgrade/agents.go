package upgrade

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/agent"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/header"
	"onerpm/payload-scripts/internal/job"
	"onerpm/payload-scripts/internal/journal"
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

// AgentsOf tells how the agents are of an attempt with this outcome. Without a record nothing is known to be done.
func AgentsOf(b *layout.Bundle, a layout.Attempt, outcome journal.Outcome) agent.Record {
	rec, err := agent.Read(a.Var)
	again := fmt.Sprintf("run `%s agents start`: they are looked for anew", b.Command())
	switch {
	case b.Manifest.Agents == nil:
		return agent.Record{State: agent.Done, Why: "there are none to upgrade"}
	case outcome != journal.Upgraded:
		return agent.Record{State: agent.None, Why: "they are upgraded after the upgrade, and that has not ended well"}
	case errors.Is(err, os.ErrNotExist):
		return agent.Record{State: agent.Pending, Why: "there is no record of them; " + again}
	case err != nil:
		return agent.Record{State: agent.Pending, Why: fmt.Sprintf("%v; remove %s, then %s", err, filepath.Join(a.Var, agent.File), again)}
	}
	return rec
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
	if errors.Is(err, os.ErrNotExist) {
		rec, err = agent.Record{State: agent.Pending}, nil
	}
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
		rec.State, rec.Why = agent.Pending, fmt.Sprintf("there is no %s: write the headers that let an administrator in, one \"Name: value\" a line, chmod 600, then run `%s agents start`", credentials, b.Command())
		return rec, agent.Write(a.Var, rec)
	case lacks != nil:
		rec.State, rec.Why = agent.Pending, fmt.Sprintf("%v; then run `%s agents start`", lacks, b.Command())
		return rec, agent.Write(a.Var, rec)
	}
	if rec.State != agent.Running {
		rec.Ordered = true
	}
	rec.State, rec.Why = agent.Running, ""
	if err := agent.Write(a.Var, rec); err != nil {
		return rec, err
	}
	return rec, attempt.BeginAgents(ctx, p, a, b.Manifest)
}

// WorkOnAgents upgrades an attempt's agents until that has an end, and removes the unit that does so. What is done goes into the
// attempt's log and to system. The error is attempt.ErrOnAgents when another process works on them.
func WorkOnAgents(ctx context.Context, b *layout.Bundle, a layout.Attempt, rec agent.Record, system io.Writer) (agent.Record, error) {
	p := b.Places()
	if rec.State != agent.Running { // it had ended when the process before was killed: to go on is the admin's word
		return rec, attempt.EndAgents(ctx, p)
	}
	release, err := attempt.LockAgents(ctx, p)
	if err != nil {
		return rec, err
	}
	defer release()
	log, err := os.OpenFile(a.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return rec, err
	}
	defer log.Close() //nolint:errcheck // nothing is read back from it
	slog.SetDefault(slog.New(slog.NewTextHandler(io.MultiWriter(log, system), &slog.HandlerOptions{ReplaceAttr: redact.Attr})))
	headers, err := header.ReadSecret(b.Manifest.Agents.Headers.File)
	if err != nil { // without credentials nothing can be asked
		rec.State, rec.Why = agent.Pending, fmt.Sprintf("%v; then run `%s agents start`", err, b.Command())
		return rec, errors.Join(agent.Write(a.Var, rec), attempt.EndAgents(ctx, p))
	}
	if rec, err = agent.Run(ctx, b.Manifest.Agents, headers, a.Var); err != nil {
		return rec, err
	}
	return rec, attempt.EndAgents(ctx, p)
}
