package certify

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
)

// The words that the product's script of agents is called with, and those that begin its lines.
const (
	wordMake = "make" // the old release serves: have some agents fail and some vanish, and let the upgrade in
	wordShow = "show" // either release serves: name all agents and what was asked of them
	wordMend = "mend" // the new release serves: mend what fails, and have the product forget what has vanished

	agentFails    = "fails"
	agentVanishes = "vanishes"
	agentOld      = "old"
	agentNew      = "new"
	agentAsked    = "asked"
)

// noAgents says why the agents of a jump are not tried; nil when they are.
func noAgents(o Options) error {
	jump := o.Manifest.From + "-" + o.Manifest.To
	switch {
	case o.Manifest.Agents == nil:
		return exit.Errorf(exit.Usage, "", "%s has no agents, and so no scenario %s", jump, WithAgents)
	case o.Checks.Agents == nil:
		return exit.Errorf(exit.Spec, "write specs/"+jump+"/certify/"+release.AgentsScript, "%s has agents, and no %s that says which of them work", jump, release.AgentsScript)
	}
	return nil
}

// withAgents upgrades a machine that has agents of which some fail and some vanish, wants the upgrade to say so, mends them, and
// wants the rest to be upgraded. Whether an agent is upgraded, the product itself is asked.
func withAgents(ctx context.Context, r *run) error {
	t, err := r.makeAgents(ctx)
	if err != nil {
		return notReady(err)
	}
	if err := r.upgrade(ctx); err != nil {
		return err
	}
	wait := r.code
	end, now, err := r.awaitAgents(ctx)
	if err != nil {
		return err
	}
	if err := t.judgeBroken(wait, end, now).err(); err != nil {
		return fmt.Errorf("while agents fail: %w", err)
	}
	if _, err := r.callAgents(ctx, wordMend); err != nil {
		return err
	}
	if _, err := r.machine.must(ctx, "go on with the agents", r.m.Prefix+" agents resume"); err != nil {
		return err
	}
	if end, now, err = r.awaitAgents(ctx); err != nil {
		return err
	}
	got, err := r.machine.sh(ctx, r.m.Prefix+" wait")
	if err != nil {
		return err
	}
	if err := t.judgeMended(got.code, end, now).err(); err != nil {
		return fmt.Errorf("once agents are mended: %w", err)
	}
	return nil
}

// agentID is an agent as the product's script names it.
type agentID struct{ name, group string }

func (a agentID) String() string { return a.name + " of " + a.group }

// shownAgents is what the product says of its agents.
type shownAgents struct {
	upgraded map[agentID]bool    // every agent that it knows: is it of the new release?
	works    map[string][]string // ids of the works that were asked for, by group
}

// agentsTrial is what the product's script has made of the agents.
type agentsTrial struct {
	wrong  map[agentID]string // agentFails or agentVanishes; all others work
	before shownAgents        // while the old release served
}

// makeAgents has the product's script make agents of every kind, and wants to see them.
func (r *run) makeAgents(ctx context.Context) (t agentsTrial, err error) {
	if _, err := r.machine.must(ctx, "let the upgrade go on with agents", "rm -f /etc/"+r.m.Prefix+"/no-agents"); err != nil {
		return t, err
	}
	out, err := r.callAgents(ctx, wordMake)
	if err != nil {
		return t, err
	}
	lines, err := readAgentLines(wordMake, out, agentFails, agentVanishes)
	if err != nil {
		return t, err
	}
	t.wrong = map[agentID]string{}
	for _, l := range lines {
		t.wrong[l.agentID] = l.word
	}
	if t.before, err = r.showAgents(ctx); err != nil {
		return t, err
	}
	return t, t.ready()
}

// ready says what a trial lacks.
func (t agentsTrial) ready() error {
	for _, kind := range []string{agentFails, agentVanishes} {
		if len(t.ofKind(kind)) == 0 {
			return fmt.Errorf("%s %s names no agent with %q", release.AgentsScript, wordMake, kind)
		}
	}
	for _, a := range slices.Concat(t.ofKind(agentFails), t.ofKind(agentVanishes)) {
		if _, there := t.before.upgraded[a]; !there {
			return fmt.Errorf("%s %s does not name agent %s, which %s does", release.AgentsScript, wordShow, a, wordMake)
		}
	}
	if len(t.working()) == 0 {
		return fmt.Errorf("%s %s names no group whose agents all work", release.AgentsScript, wordShow)
	}
	for _, a := range sortedAgents(t.before.upgraded) {
		if t.before.upgraded[a] {
			return fmt.Errorf("%s %s says of agent %s that it is %s, before the upgrade", release.AgentsScript, wordShow, a, agentNew)
		}
	}
	return nil
}

// ofKind are the agents that do not work in one way.
func (t agentsTrial) ofKind(kind string) []agentID {
	return slices.DeleteFunc(slices.SortedFunc(maps.Keys(t.wrong), compareAgents), func(a agentID) bool { return t.wrong[a] != kind })
}

// has reports whether an agent of a group does not work, in one of these ways.
func (t agentsTrial) has(group string, kinds ...string) bool {
	for a, kind := range t.wrong {
		if a.group == group && slices.Contains(kinds, kind) {
			return true
		}
	}
	return false
}

// working are the agents of groups in which all work: an agent may have to wait for another of its group.
func (t agentsTrial) working() []agentID {
	return slices.DeleteFunc(sortedAgents(t.before.upgraded), func(a agentID) bool { return t.has(a.group, agentFails, agentVanishes) })
}

// staying are the agents that have to be there when all is mended: with one that vanishes its whole group may go.
func (t agentsTrial) staying() []agentID {
	return slices.DeleteFunc(sortedAgents(t.before.upgraded), func(a agentID) bool { return t.has(a.group, agentVanishes) })
}

// agentsEnd is how the upgrade's work on the agents ended.
type agentsEnd struct {
	code   int
	State  string `json:"state"`
	Why    string `json:"why"`
	Groups []struct {
		Name  string `json:"name"`
		State string `json:"state"`
	} `json:"groups"`
}

// failed reports whether a group is named as one that failed.
func (e agentsEnd) failed(group string) bool {
	for _, g := range e.Groups {
		if g.Name == group && g.State == "failed" {
			return true
		}
	}
	return false
}

// awaitAgents waits until nothing works on the agents, and asks the product what became of them.
func (r *run) awaitAgents(ctx context.Context) (end agentsEnd, now shownAgents, err error) {
	got, err := r.machine.sh(ctx, r.m.Prefix+" agents wait --json")
	if err != nil {
		return end, now, fmt.Errorf("wait for the agents: %w", err)
	}
	if err := json.Unmarshal([]byte(got.out), &end); err != nil {
		return end, now, fmt.Errorf("wait for the agents: exit code %d: %s", got.code, got.outputTail())
	}
	end.code = got.code
	now, err = r.showAgents(ctx)
	return end, now, err
}

// judgeBroken says what is wrong while agents fail. wait is the exit code of the upgrade's own wait.
func (t agentsTrial) judgeBroken(wait int, end agentsEnd, now shownAgents) faults {
	var f faults
	waiting := now.waiting()
	switch {
	case len(waiting) == 0:
	case end.code == codeDone || end.State == "done":
		f.add("agents wait says that all are upgraded (exit code %d, %s), and the product that these are not: %s", end.code, end.State, named3(waiting))
	case wait == codeDone:
		f.add("wait says that all is done, and these agents are not upgraded: %s", named3(waiting))
	}
	if len(f) == 0 && end.code != codeAgents {
		f.add("agents wait ended with exit code %d, want %d", end.code, codeAgents)
	}
	f.upgraded(t.working(), now)
	for _, a := range slices.Concat(t.ofKind(agentFails), t.ofKind(agentVanishes)) {
		switch is, there := now.upgraded[a]; {
		case is:
			f.add("agent %s was upgraded, and %s says that it %s", a, release.AgentsScript, t.wrong[a])
		case !there:
			f.add("agent %s is gone before %s was told to %s", a, release.AgentsScript, wordMend)
		case !end.failed(a.group):
			f.add("agents wait does not name the group of agent %s, which %s, as one that failed", a, t.wrong[a])
		}
	}
	asked := 0
	for group := range now.works {
		asked += len(t.asked(group, now))
	}
	if asked == 0 && len(f) == 0 {
		f.add("agents were upgraded, and %s %s names no work that was asked for", release.AgentsScript, wordShow)
	}
	t.askedTooOften(&f, now, func(string) int { return 1 })
	return f.because(end)
}

// judgeMended says what is wrong when nothing keeps agents from being upgraded any more.
func (t agentsTrial) judgeMended(wait int, end agentsEnd, now shownAgents) faults {
	var f faults
	switch {
	case end.code != codeDone || end.State != "done":
		f.add("agents wait ended with exit code %d, %s, want %d, done", end.code, end.State, codeDone)
	case wait != codeDone:
		f.add("wait ended with exit code %d, want %d: the agents are done", wait, codeDone)
	}
	staying := t.staying()
	f.upgraded(staying, now)
	for _, a := range now.waiting() {
		switch {
		case t.wrong[a] == agentVanishes:
			f.add("agent %s is still there: %s was to have the product forget it", a, wordMend)
		case !slices.Contains(staying, a): // came meanwhile, or stayed behind one that vanished
			f.add("agent %s is not upgraded", a)
		}
	}
	t.askedTooOften(&f, now, func(group string) int {
		if t.has(group, agentFails, agentVanishes) {
			return 2
		}
		return 1
	})
	return f.because(end)
}

// upgraded wants agents to be of the new release.
func (f *faults) upgraded(agents []agentID, now shownAgents) {
	for _, a := range agents {
		switch is, there := now.upgraded[a]; {
		case !there:
			f.add("agent %s is gone: the product does not know it any more", a)
		case !is:
			f.add("agent %s works and is not upgraded", a)
		}
	}
}

// because adds what the upgrade itself says of its agents, where something is wrong.
func (f faults) because(end agentsEnd) faults {
	if len(f) > 0 && end.Why != "" {
		f.add("the upgrade says of its agents: %s", end.Why)
	}
	return f
}

// asked are the works that were asked for a group since the old release served.
func (t agentsTrial) asked(group string, now shownAgents) []string {
	return slices.DeleteFunc(slices.Clone(now.works[group]), func(id string) bool { return slices.Contains(t.before.works[group], id) })
}

func (t agentsTrial) askedTooOften(f *faults, now shownAgents, most func(group string) int) {
	for _, group := range sortedKeys(now.works) {
		if works := t.asked(group, now); len(works) > most(group) {
			f.add("the agents of %s were asked %d times, want %d at most: %s", group, len(works), most(group), strings.Join(works, ", "))
		}
	}
}

// waiting are the agents that the product knows and that are not of the new release.
func (s shownAgents) waiting() []agentID {
	return slices.DeleteFunc(sortedAgents(s.upgraded), func(a agentID) bool { return s.upgraded[a] })
}

// named3 names three agents at most.
func named3(agents []agentID) string {
	var names []string
	for _, a := range agents[:min(len(agents), 3)] {
		names = append(names, a.String())
	}
	text := strings.Join(names, ", ")
	if more := len(agents) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func compareAgents(a, b agentID) int {
	return slices.Compare([]string{a.group, a.name}, []string{b.group, b.name})
}

func sortedAgents(all map[agentID]bool) []agentID {
	return slices.SortedFunc(maps.Keys(all), compareAgents)
}

// showAgents asks the product, by its script, for its agents.
func (r *run) showAgents(ctx context.Context) (shownAgents, error) {
	s := shownAgents{upgraded: map[agentID]bool{}, works: map[string][]string{}}
	out, err := r.callAgents(ctx, wordShow)
	if err != nil {
		return s, err
	}
	lines, err := readAgentLines(wordShow, out, agentOld, agentNew, agentAsked)
	for _, l := range lines {
		if l.word == agentAsked {
			s.works[l.group] = append(s.works[l.group], l.name)
		} else {
			s.upgraded[l.agentID] = l.word == agentNew
		}
	}
	return s, err
}

// agentLine is a line of the script: "WORD ID GROUP", of which the group alone may have blanks.
type agentLine struct {
	word string
	agentID
}

func readAgentLines(call, out string, words ...string) ([]agentLine, error) {
	var lines []agentLine
	seen := map[agentID]bool{}
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		parts := strings.SplitN(line, " ", 3)
		if len(parts) != 3 || parts[1] == "" || parts[2] == "" || !slices.Contains(words, parts[0]) {
			return nil, fmt.Errorf("%s %s printed %q, want lines WORD ID GROUP with one of the words %s", release.AgentsScript, call, short(line), strings.Join(words, ", "))
		}
		l := agentLine{parts[0], agentID{parts[1], parts[2]}}
		if seen[l.agentID] {
			return nil, fmt.Errorf("%s %s names %s twice", release.AgentsScript, call, l.agentID)
		}
		seen[l.agentID] = true
		lines = append(lines, l)
	}
	return lines, nil
}

// callAgents calls the product's script of agents, which there is (noAgents), and returns what it printed.
func (r *run) callAgents(ctx context.Context, word string) (string, error) {
	return r.machine.must(ctx, release.AgentsScript+" "+word, r.callCheck(*r.checks.Agents, word))
}
