// Package random does what a machine room does to upgrades, at times drawn by lot: it kills the engine, rpm and
// its parent, the whole PostgreSQL or Elasticsearch, takes dbus and systemd away for a moment, cuts the power, also twice
// in one attempt, forward and on the way back, while clients write. Each time it wants
// all old or all new, every acknowledged write, and no call for a person.
//
// make test tries the sample. make test-random tries ONERPM_RANDOM trials of the seed ONERPM_RANDOM_SEED (336, a third of them of
// the jump out of Elasticsearch, as about one in ten meets no upgrade under way) and writes docs/random-run.md; the same seed makes the same trials. It can be
// ended at any time and goes on where it was; it tries again what failed and what only an earlier engine passed.
// ONERPM_RANDOM_MAX=n ends it after n trials, ONERPM_RANDOM_ONLY=n tries the nth alone.
package random

import (
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"onerpm/test/machinecheck"
	"onerpm/test/trial"
)

// atATime is how many machines there are at a time.
const atATime = 2

// seed of a run that names none.
const seed = 11

// sample is what make test tries: each kind of fault, forward and back.
var sample = []plan{
	{N: 0, Jump: later[1], Faults: []fault{{rpmParent, switching, 300 * time.Millisecond}}},
	{N: 1, Jump: later[1], Back: true, Faults: []fault{{engine, back, 1500 * time.Millisecond}, {Kind: dbus, Delay: 500 * time.Millisecond}}},
	{N: 2, Jump: later[1], Faults: []fault{{power, opening, 200 * time.Millisecond}}},
	{N: 3, Jump: later[1], Back: true, Faults: []fault{{postgres, switching, 2 * time.Second}, {Kind: reexec, Delay: time.Second}}},
	{N: 4, Jump: first, Faults: []fault{{elastic, switching, 2500 * time.Millisecond}}},
}

func TestRandom(t *testing.T) {
	t.Parallel()
	plans, results := sample, (*trial.Results[head, row])(nil)
	digest := machinecheck.EngineDigest(t)
	if os.Getenv("ONERPM_RANDOM") != "" {
		plans, results = chosen(t, digest)
	}
	known := recordAll(t, plans)
	queue := make(chan plan)
	var wg sync.WaitGroup
	for range atATime {
		wg.Go(func() {
			machines := map[jump]*machine{}
			for p := range queue {
				t.Run(p.key(), func(t *testing.T) { one(t, p, machines, known, digest, results) })
			}
			for _, m := range machines {
				m.end(t)
			}
		})
	}
	for _, p := range plans {
		queue <- p
	}
	close(queue)
	wg.Wait()
}

// one makes one trial on a machine that an earlier one has left old, or on a fresh one, and keeps its result.
func one(t *testing.T, p plan, machines map[jump]*machine, known map[jump]map[string]string, digest string, results *trial.Results[head, row]) {
	began, heard := time.Now(), &trial.Listener{TB: t}
	t.Log(p)
	var o outcome
	m := machines[p.Jump]
	delete(machines, p.Jump)
	defer func() {
		problem := heard.First
		if problem == "" && (o.side == "" || t.Failed()) {
			problem = "the test was ended"
		}
		r := row{plan: p, Hits: o.hits, End: o.side, Retried: o.retried, Acked: o.acked, Forgotten: o.forgotten, Refused: o.refused, Lost: o.lost,
			Seconds: int(time.Since(began).Seconds()), Engine: digest, Trouble: problem}
		t.Logf("%s; hit %q; %d writes acknowledged, %d more that may be forgotten, %d refused; trial %d of its machine", o.side, o.hits, o.acked, o.forgotten, o.refused, trialOf(m))
		if err := results.Add(r); err != nil {
			t.Error(err)
		}
		if m == nil {
			return
		}
		if problem == "" && o.side == isOld && m.trials < trialsEach {
			machines[p.Jump] = m
			return
		}
		if problem != "" {
			t.Logf("the machine's journal:\n%s", m.JournalTail(80))
		}
		m.end(t)
	}()
	if m == nil {
		m = boot(heard, p.Jump, machinecheck.Bundle(t, p.Jump.To))
	}
	try(heard, m, p, known[p.Jump], &o)
}

func trialOf(m *machine) int {
	if m == nil {
		return 0
	}
	return m.trials
}

// recordAll upgrades a machine of each jump without a fault.
func recordAll(t *testing.T, plans []plan) map[jump]map[string]string {
	t.Helper()
	known := map[jump]map[string]string{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, j := range jumps {
		if !wanted(plans, j) {
			continue
		}
		wg.Go(func() {
			t.Run("record "+j.String(), func(t *testing.T) {
				found := record(t, j, machinecheck.Bundle(t, j.To))
				mu.Lock()
				defer mu.Unlock()
				known[j] = found
			})
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return known
}

func wanted(plans []plan, j jump) bool {
	for _, p := range plans {
		if p.Jump == j {
			return true
		}
	}
	return false
}

// chosen are the trials of this run: what was never tried first, then what failed, then what an earlier engine passed.
func chosen(t *testing.T, digest string) ([]plan, *trial.Results[head, row]) {
	t.Helper()
	of := head{Engine: digest, Seed: number(t, "ONERPM_RANDOM_SEED", seed), Trials: int(number(t, "ONERPM_RANDOM", 0))}
	results, err := trial.Open(resultsFile, page, draw)
	if err != nil {
		t.Fatal(err)
	}
	results.Head = of
	t.Logf("seed %d, %d trials, engine %.16s", of.Seed, of.Trials, digest)
	present, due := map[string]bool{}, map[int][]plan{}
	for n := range of.Trials {
		p := planOf(of.Seed, n)
		present[p.String()] = true
		soon := results.Due(p.String(), digest)
		due[soon] = append(due[soon], p)
	}
	for _, key := range results.Keep(func(r row) bool { return present[r.Key()] }) {
		t.Logf("forgotten: %s", key)
	}
	if only := number(t, "ONERPM_RANDOM_ONLY", uint64(of.Trials)); only < uint64(of.Trials) {
		return []plan{planOf(of.Seed, int(only))}, results
	}
	left := append(append(due[trial.Never], due[trial.Failed]...), due[trial.Earlier]...)
	return left[:min(len(left), int(number(t, "ONERPM_RANDOM_MAX", uint64(len(left)))))], results
}

// number is an environment variable's value.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		t.Fatalf("%s=%q is no number", name, text)
	}
	return n
}
