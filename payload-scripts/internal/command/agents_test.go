package command

import (
	"os"
	"path/filepath"
	"strings"
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
	contains(t, stderr, "after the upgrade")
	out, _ := w.run(8, "agents")
	contains(t, out, "not begun")
	none := anotherWorld(t)
	none.attempt(id, upgraded)
	out, _ = none.run(0, "agents")
	contains(t, out, "none to upgrade")
}

// TestCleanSparesAgents keeps what agents need that are not done, with --all too.
func TestCleanSparesAgents(t *testing.T) {
	w := withAgents(t, upgraded, agent.Record{State: agent.Running})
	out, _ := w.run(0, "clean", "--all")
	contains(t, out, "nothing to remove")
	p := w.bundle.Places()
	for _, state := range []agent.State{agent.Pending, agent.Stopped} {
		rewrite(t, w, agent.Record{State: state})
		for _, args := range [][]string{{"clean"}, {"clean", "--all"}} {
			out, _ := w.run(0, args...)
			w.run(6, "wait")
			w.run(6, "agents", "status")
			if rec, err := agent.Read(p.At(id).Var); err != nil || rec.State != state {
				t.Errorf("%v: %s, %v", args, rec.State, err)
			}
			if len(args) > 1 {
				contains(t, out, "agents are pending", "p agents status")
			}
		}
	}
	for _, path := range []string{p.At(id).Run + "/bin/engine", p.At(id).Run + "/manifest.json", p.At(id).Log(), p.At(id).Report()} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	w.write(filepath.Join(p.At(id).Var, agent.File), "{")
	w.run(0, "clean", "--all")
	out, _ = w.run(6, "agents")
	contains(t, out, agent.File, "agents start")
	rewrite(t, w, agent.Record{State: agent.Done})
	w.run(0, "clean", "--all")
	if found := w.tree(p.Run()); len(found) > 0 {
		t.Errorf("left %v", found)
	}
	out, _ = w.run(8, "agents", "wait")
	contains(t, out, "no upgrade to 4.2.0 on record")
}

// TestAgentsAfterALaterUpgrade: that has the agents too, and the record of the one before may go.
func TestAgentsAfterALaterUpgrade(t *testing.T) {
	w := withAgents(t, upgraded, agent.Record{State: agent.Stopped})
	a := w.attempt("4.2.0-2-20260401T120000.000Z", upgraded)
	if _, pending, err := attempt.PendingAgents(w.bundle.Places()); err != nil || !pending {
		t.Errorf("%v, %v: the later one has not come to them", pending, err)
	}
	if err := agent.Write(a.Var, agent.Record{State: agent.Done}); err != nil {
		t.Fatal(err)
	}
	w.run(0, "clean")
	if found, err := attempt.Leftovers(w.bundle.Places(), attempt.Keep{Latest: true}); err != nil || len(found) > 0 {
		t.Errorf("left %v, %v", found, err)
	}
}

// TestAgentsWithoutRecord: nobody knows how they are, so they are not done.
func TestAgentsWithoutRecord(t *testing.T) {
	w := withAgents(t, upgraded, agent.Record{State: agent.Done})
	if err := os.Remove(filepath.Join(w.bundle.Places().At(id).Var, agent.File)); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"wait"}, {"agents"}, {"agents", "wait"}} {
		out, _ := w.run(6, args...)
		contains(t, out, "agents: pending", "no record", "p agents start")
	}
	out, _ := w.run(6, "agents", "start")
	contains(t, out, filepath.Join(w.root, "credentials"))
	if rec, err := agent.Read(w.bundle.Places().At(id).Var); err != nil || rec.State != agent.Pending {
		t.Errorf("%s, %v", rec.State, err)
	}
}

// TestCleanSparesAgentsWithoutRecord: what the manifest of the attempt has is pending, and so is what it may have.
func TestCleanSparesAgentsWithoutRecord(t *testing.T) {
	for name, c := range map[string]struct {
		manifest string // "" for none
		pending  bool
	}{
		"agents": {`{"agents": {}, "format": 0}`, true}, "none": {`{"format": 0}`, false}, "null": {`{"agents": null}`, false},
		"cannot be read": {`{"agents`, true}, "no manifest": {"", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := withAgents(t, upgraded, agent.Record{State: agent.Done})
			a := w.bundle.Places().At(id)
			w.write(filepath.Join(a.Run, "manifest.json"), c.manifest)
			gone := []string{filepath.Join(a.Var, agent.File)}
			if c.manifest == "" {
				gone = append(gone, filepath.Join(a.Run, "manifest.json"))
			}
			for _, path := range gone {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			out, _ := w.run(0, "clean", "--all")
			_, err := os.Stat(filepath.Join(a.Run, "bin/engine"))
			if (err == nil) != c.pending || strings.Contains(out, "agents are pending") != c.pending {
				t.Errorf("its program: %v\n%s", err, out)
			}
			if err := os.RemoveAll(a.Run); err != nil { // as a clean that is cut short leaves it
				t.Fatal(err)
			}
			w.run(0, "clean", "--all")
			if _, err := os.Stat(a.Var); err == nil {
				t.Error("the rest of a clean that was cut short stays for ever")
			}
		})
	}
}

// TestAgentsOfAnotherUpgrade: the next bundle is there, and tells who can go on with them.
func TestAgentsOfAnotherUpgrade(t *testing.T) {
	w := withAgents(t, upgraded, agent.Record{State: agent.Stopped})
	w.bundle.Manifest.To = "4.3.0"
	_, stderr := w.run(6, "agents", "resume")
	contains(t, stderr, w.bundle.Places().At(id).Run+"/bin/engine agents resume")
	rewrite(t, w, agent.Record{State: agent.Done})
	out, _ := w.run(8, "agents")
	contains(t, out, "not begun", "4.3.0", "p start")
}

// TestAgentsAfterTheBundle: once its RPM is removed, the attempt's own program goes on, and is what is told.
func TestAgentsAfterTheBundle(t *testing.T) {
	w := withAgents(t, upgraded, agent.Record{State: agent.Stopped, Why: "one failed"})
	p := w.bundle.Places()
	w.bundle.Dir = p.At(id).Run
	command := filepath.Join(p.Current(), "bin/engine")
	out, _ := w.run(6, "agents")
	contains(t, out, command+" agents resume")
	out, _ = w.run(6, "agents", "resume")
	contains(t, out, "run `"+command+" agents start`")
	w.write(p.Command(), "#!/bin/sh\n")
	out, _ = w.run(6, "agents", "resume")
	contains(t, out, "run `p agents start`")
}

func rewrite(t *testing.T, w *world, rec agent.Record) {
	t.Helper()
	if err := agent.Write(w.bundle.Places().At(id).Var, rec); err != nil {
		t.Fatal(err)
	}
}
