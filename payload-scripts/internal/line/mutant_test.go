package line

import (
	"fmt"
	"slices"
	"testing"

	"onerpm/payload-scripts/internal/journal"
)

// mutant is the rules with one of them taken out or changed.
type mutant struct {
	name   string
	mutate func(*rules)
}

// mutants are all rules, each taken out and each replaced by every other one of its kind.
func mutants() []mutant {
	var all []mutant
	add := func(name string, mutate func(*rules)) { all = append(all, mutant{name, mutate}) }
	t := transitions()
	everyStage := append(slices.Clone(stages), upgraded, notBegun, rolledBack, needsAPerson)
	for stage, nexts := range t.next {
		for how, next := range nexts {
			add(fmt.Sprintf("no way on from %s when %s", stage, how), func(r *rules) { delete(r.next[stage], how) })
			for _, other := range everyStage {
				if other != next {
					add(fmt.Sprintf("from %s when %s to %s", stage, how, other), func(r *rules) { r.next[stage][how] = other })
				}
			}
		}
	}
	for i, row := range t.resume {
		add(fmt.Sprintf("nothing is resumed in %s", row.stage), func(r *rules) { r.resume = slices.Delete(r.resume, i, i+1) })
		for _, other := range stages {
			if other != row.stage {
				add(fmt.Sprintf("resumed in %s instead of %s", other, row.stage), func(r *rules) { r.resume[i].stage = other })
			}
		}
	}
	for stage, m := range t.mark {
		add(fmt.Sprintf("nothing is recorded on entering %s", stage), func(r *rules) { r.mark[stage] = mark{commit: m.commit} })
		if m.commit {
			add(fmt.Sprintf("no sync before %s", stage), func(r *rules) { r.mark[stage] = mark{change: m.change} })
		}
	}
	for end := range t.ends {
		add(fmt.Sprintf("%s is recorded as no outcome", end), func(r *rules) { r.ends[end] = journal.Running })
	}
	for stage := range t.tried {
		add(fmt.Sprintf("%s is not retried", stage), func(r *rules) { delete(r.tried, stage) })
		add(fmt.Sprintf("%s is retried for ever", stage), func(r *rules) { r.tried[stage] = 1 << 30 })
	}
	for _, stage := range []Stage{Prepare, Switch} {
		add(fmt.Sprintf("%s is retried", stage), func(r *rules) { r.tried[stage] = 3 })
		add(fmt.Sprintf("the admin's wish is not heeded in %s", stage), func(r *rules) { delete(r.revocable, stage) })
	}
	for _, stage := range []Stage{Open, Undo, Reopen, Restore, Serve} {
		add(fmt.Sprintf("the admin's wish is heeded in %s", stage), func(r *rules) { r.revocable[stage] = true })
	}
	add("any number of starts", func(r *rules) { r.starts = 1 << 30 })
	add("two starts", func(r *rules) { r.starts = 2 })
	add("switch is recorded as prepare", func(r *rules) { r.phase[Switch] = journal.Preparing })
	return all
}

// TestMutants takes each rule out, and replaces it by every other, and demands that the walk notices.
func TestMutants(t *testing.T) {
	t.Parallel()
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			r := transitions()
			m.mutate(r)
			k := &walker{rules: r}
			k.chains()
			for _, stage := range stages {
				k.walk(stage)
			}
			if k.err != nil {
				return
			}
			t.Error("nobody notices")
		})
	}
}

// TestLackingSteps takes each step that changes something out of the line, and demands that the
// walk notices, without having that very step fail.
func TestLackingSteps(t *testing.T) {
	t.Parallel()
	idle := []string{"switch/drain", "switch/count"} // they change nothing in this world
	for stage, steps := range newWorld(script{}).steps() {
		for _, step := range steps {
			key := string(stage) + "/" + step.Name
			if slices.Contains(idle, key) {
				continue
			}
			t.Run(key, func(t *testing.T) {
				t.Parallel()
				noticed(t, &walker{rules: transitions(), lacks: key})
			})
		}
	}
}

// TestMovedSteps lets steps of a store and of early packages, and those that must not come before them, stand before the one
// that they follow, and demands that the walk notices.
func TestMovedSteps(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"prepare/copy", "switch/catch up", "switch/stop source", "undo/unexpand", "undo/unearly",
		"reopen/unexpand", "reopen/unearly", "restore/unexpand", "restore/unearly", "restore/prove", "restore/start",
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			noticed(t, &walker{rules: transitions(), earlier: key})
		})
	}
}

// noticed demands that a walk over all stages finds something wrong.
func noticed(t *testing.T, k *walker) {
	t.Helper()
	k.try(script{refuse: true}, journal.Refused, 0)
	for _, other := range stages {
		k.try(triggers[other], other.ends(), 0)
		for _, stop := range []func(*script, int){kill, cut, full} {
			k.everywhere(triggers[other], "", stop)
		}
	}
	if k.err == nil {
		t.Error("nobody notices")
	}
}
