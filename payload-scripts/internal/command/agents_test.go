package command

import (
	"os"
	"path/filepath"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/agent"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/journal"
)

// TestAgents holds what is told of agents, and the exit code they make of an upgrade.
func TestAgents(t *testing.T) {
	groups := []agent.Group{{Tenant: "a", Name: "one", Agents: 3, State: agent.Upgraded}, {Tenant: "a", Name: "two", Agents: 4, State: agent.Failed}}
	for name, c := range map[string]struct {
		rec  agent.Record
		code int
		want []string
	}{
		"pending": {agent.Record{State: agent.Pending, Why: "nothing lets us in"}, 6, []string{"agents: pending", "nothing lets us in"}},
		"running": {agent.Record{State: agent.Running, Groups: groups}, 6, []string{"under way, 3 of 7", "p agents wait"}},
		"stopped": {agent.Record{State: agent.Stopped, Why: "two failed", Groups: groups}, 6, []string{"stopped, 3 of 7", "two failed", "p agents resume"}},
		"done":    {agent.Record{State: agent.Done, Groups: groups[:1], LeftOut: 2}, 0, []string{"done, 3 of 3", "2 groups were left out"}},
		"left":    {agent.Record{State: agent.Left, Why: "a file is there"}, 0, []string{"left alone, a file is there"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := withAgents(t, upgraded, c.rec)
			for _, args := range [][]string{{"wait"}, {"agents"}, {"agents", "status"}} {
				out, _ := w.run(c.code, args...)
				contains(t, out, c.want...)
			}
			for _, args := range [][]string{{"status"}, {"report"}} {
				out, _ := w.run(0, args...)
				contains(t, out, c.want...)
			}
			out, _ := w.run(c.code, "agents", "status", "--json")
			if got := decode[agent.Record](t, out); got.State != c.rec.State {
				t.Errorf("got %s", out)
			}
		})
	}
}

func withAgents(t *testing.T, change func(*journal.Record), rec agent.Record) *world {
	t.Helper()
	w := newWorld(t)
	w.bundle.Manifest.Agents = &manifest.Agents{Headers: manifest.Headers{File: filepath.Join(w.root, "credentials")}}
	a := w.attempt(id, change)
	w.state(attempt.Done)
	if err := agent.Write(a.Var, rec); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestAgentsLackCredentials starts agents without being let in.
func TestAgentsLackCredentials(t *testing.T) {
	w := withAgents(t, upgraded, agent.Record{State: agent.Pending})
	out, _ := w.run(6, "agents", "start")
	contains(t, out, "agents: pending", filepath.Join(w.root, "credentials"), "p agents start")
	w.write(filepath.Join(w.root, "credentials"), "A: b\n")
	if err := os.Chmod(filepath.Join(w.root, "credentials"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, _ = w.run(6, "agents", "resume")
	contains(t, out, "chmod 600")
	_, stderr := w.run(2, "agents", "hurry")
	contains(t, stderr, "hurry")
}

func TestAgentsBeforeTheEnd(t *testing.T) {
	w := withAgents(t, rolledBack, agent.Record{State: agent.Pending})
	_, stderr := w.run(3, "agents", "start")
	contains(t, stderr, "after it")
	none := anotherWorld(t)
	none.attempt(id, upgraded)
	out, _ := none.run(0, "agents")
	contains(t, out, "none to upgrade")
}

// TestCleanSparesAgents keeps what the agents under way need.
func TestCleanSparesAgents(t *testing.T) {
	w := withAgents(t, upgraded, agent.Record{State: agent.Running})
	out, _ := w.run(0, "clean", "--all")
	contains(t, out, "nothing to remove")
	rewrite(t, w, agent.Record{State: agent.Stopped})
	w.run(0, "clean")
	if _, err := agent.Read(w.bundle.Places().At(id).Var); err != nil {
		t.Error(err)
	}
}

func rewrite(t *testing.T, w *world, rec agent.Record) {
	t.Helper()
	if err := agent.Write(w.bundle.Places().At(id).Var, rec); err != nil {
		t.Fatal(err)
	}
}
