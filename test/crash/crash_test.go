// Package crash lets upgrades of whole machines die at named points, by a kill or
// a power cut, and wants all old or all new each time, with no hand.
//
// make test tries the points in chosen. make test-crash tries all that a recorded
// run names, and writes docs/crash-points.md; it can be ended at any time and goes on
// where it was, and tries again what only an earlier engine passed. ONERPM_CRASH=all asks for that, ONERPM_CRASH_MAX=n ends it after n
// points, ONERPM_CRASH_SHARD=i/n takes every nth point from the ith (from 0) on.
package crash

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// machines is how many run at a time; about half of a try is waiting. Beside the other
// tests of make test it is less.
func machines(all bool) int {
	if all {
		return 5 * runtime.NumCPU() / 2
	}
	return 2
}

// try is a point to die at, and how.
type try struct {
	in  scenario
	at  point
	way way
}

// key names a try in the results.
func (c try) key() string { return c.in.name + "\t" + c.at.name() + "\t" + string(c.way) }

func TestCrash(t *testing.T) {
	t.Parallel()
	all := os.Getenv("ONERPM_CRASH") == "all"
	rpm, engine := bundle(t)
	want := []scenario{forward, back, unprepare}
	points, known := recordAll(t, want, rpm, machines(all))
	tries := pick(t, points)
	var results *results
	if all {
		tries, results = remaining(t, tries, want, points, engine)
	}
	var wg sync.WaitGroup
	queue := make(chan try)
	for range machines(all) {
		wg.Go(func() {
			for c := range queue {
				t.Run(fmt.Sprintf("%s/%s/%s", c.in.name, c.at, c.way), func(t *testing.T) { one(t, c, rpm, known[c.in.name], results) })
			}
		})
	}
	for _, c := range tries {
		queue <- c
	}
	close(queue)
	wg.Wait()
}

// one makes one try and keeps its result.
func one(t *testing.T, c try, rpm string, known sides, results *results) {
	began, heard := time.Now(), &listener{TB: t}
	var end side
	defer func() {
		results.add(t, result{Scenario: c.in.name, point: c.at, Way: c.way, Must: c.in.must(c.at, c.way), End: end,
			Seconds: int(time.Since(began).Seconds()), Problem: heard.first})
	}()
	end = crash(heard, c.in, c.at, c.way, rpm, known)
}

// recordAll records the scenarios, as many at a time as there is room for.
func recordAll(t *testing.T, want []scenario, rpm string, atATime int) (map[string][]point, map[string]sides) {
	t.Helper()
	points, known := map[string][]point{}, map[string]sides{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	room := make(chan struct{}, atATime)
	for _, s := range want {
		wg.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			t.Run("record "+s.name, func(t *testing.T) {
				p, k := record(t, s, rpm)
				mu.Lock()
				defer mu.Unlock()
				points[s.name], known[s.name] = p, k
			})
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return points, known
}

// choice is a point by what it is rather than by its number, which any change of
// the engine may change: the first one that fits.
type choice struct {
	in                scenario
	phase, step, call string // any step if empty
	what              string // part of what the call is about
	nth               int    // of those that fit
	way               way
}

// chosen is spread over the line: each phase, each kind of call, each way.
var chosen = []choice{
	{forward, "start", "", "rename", "/state", 1, cut},
	{forward, "prepare", "back up configuration", "rename", "/backup/", 3, killed},
	{forward, "prepare", "back up the databases", "started pg_dump", "--format=custom", 1, cut},
	{forward, "prepare", "expand the schema", "migrated", "", 2, killed},
	{forward, "switch", "after expand the schema", "fsync", "", 1, cut},
	{forward, "switch", "mark the window", "rename", "/window", 1, cut},
	{forward, "switch", "stop the services", "stop cloudify-restservice", "", 1, killed},
	{forward, "switch", "packages to new", "started rpm", " -U ", 1, killed},
	{forward, "switch", "packages to new", "rpm at work", "", 3, cut},
	{forward, "switch", "files to new", "rename", "", 3, cut},
	{forward, "switch", "schema to new", "migrated", "", 2, cut},
	{forward, "switch", "after start the services", "rename", "journal.json", 1, cut},
	{forward, "open", "open the door", "fsync", "", 1, killed},
	{forward, "done", "", "unlink", ".service", 1, cut},
	{forward, "open", "start the services", "fsync", "", 1, cut},
	{back, "back, from the switch", "mark the window", "rename", "/50-", 2, cut},
	{back, "back, from the switch", "packages to old", "started rpm", " -U ", 1, killed},
	{back, "back, from the switch", "packages to old", "ended rpm", " -U ", 1, cut},
	{back, "back, from the switch", "files to old", "rename", "", 2, cut},
	{unprepare, "back, from prepare", "", "migrated", "", 1, cut},
}

// pick finds the chosen points in the recorded runs.
func pick(t *testing.T, points map[string][]point) []try {
	t.Helper()
	var found []try
	for _, c := range chosen {
		n := 0
		for _, p := range points[c.in.name] {
			if p.Phase == c.phase && (c.step == "" || p.Step == c.step) && p.Call == c.call && strings.Contains(p.What, c.what) {
				if n++; n == c.nth {
					found = append(found, try{c.in, p, c.way})
				}
			}
		}
		if n < c.nth {
			t.Errorf("no recorded run of %q has %s, %s, %s %d about %q", c.in.name, c.phase, c.step, c.call, c.nth, c.what)
		}
	}
	return found
}

// remaining lists what is left to try of everything: begin first, then in an order
// in which any beginning is well spread, that of the names' digests.
func remaining(t *testing.T, begin []try, scenarios []scenario, points map[string][]point, engine string) ([]try, *results) {
	t.Helper()
	of, first := map[string]int{}, map[string]way{}
	for _, c := range begin {
		first[c.in.name+"\t"+c.at.name()] = c.way
	}
	var every []try
	for _, s := range scenarios {
		for _, p := range points[s.name] {
			if !strings.HasPrefix(p.Phase, s.where) {
				continue // it is the same as in the run forward
			}
			of[p.Phase]++
			if w, ok := first[s.name+"\t"+p.name()]; ok {
				every = append(every, try{s, p, w})
			} else {
				every = append(every, try{s, p, wayOf(s, p)})
			}
		}
	}
	sortBy(every, func(c try) string {
		if _, ok := first[c.in.name+"\t"+c.at.name()]; ok {
			return "" // before every digest
		}
		return digest(c.in, c.at)
	})
	r := openResults(t, total{Engine: engine, Points: of}, every)
	shard, shards := 0, 1
	if s := os.Getenv("ONERPM_CRASH_SHARD"); s != "" {
		if _, err := fmt.Sscanf(s, "%d/%d", &shard, &shards); err != nil || shards < 1 || shard < 0 || shard >= shards {
			t.Fatalf("ONERPM_CRASH_SHARD=%q: want i/n with i from 0", s)
		}
	}
	limit := len(every)
	if s := os.Getenv("ONERPM_CRASH_MAX"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("ONERPM_CRASH_MAX: %v", err)
		}
		limit = n
	}
	var left []try
	for i, c := range every {
		if i%shards == shard && r.rank(c) < 3 {
			left = append(left, c)
		}
	}
	sort.SliceStable(left, func(i, j int) bool { return r.rank(left[i]) < r.rank(left[j]) })
	return left[:min(limit, len(left))], r
}

// digest gives a point its place in the order.
func digest(s scenario, p point) string {
	sum := sha256.Sum256([]byte(s.name + "\t" + p.name()))
	return hex.EncodeToString(sum[:])
}

// wayOf says how the engine dies at a point that is not chosen: one way for each, as
// good as drawn by lot, the same in every run.
func wayOf(s scenario, p point) way {
	lot := digest(s, p)
	switch {
	case lot[63]%2 == 0:
		return killed
	case s.slow || lot[62]%2 == 0:
		return cutSlow
	}
	return cut
}

// listener keeps the first complaint of a test, for the results.
type listener struct {
	testing.TB
	first string
}

func (l *listener) hear(text string) {
	if l.first == "" {
		l.first, _, _ = strings.Cut(text, "\n")
	}
}

// Errorf fails the test and keeps what it says.
func (l *listener) Errorf(format string, args ...any) {
	l.Helper()
	l.hear(fmt.Sprintf(format, args...))
	l.TB.Errorf(format, args...)
}

// Fatalf ends the test and keeps what it says.
func (l *listener) Fatalf(format string, args ...any) {
	l.Helper()
	l.hear(fmt.Sprintf(format, args...))
	l.TB.Fatalf(format, args...)
}

// Fatal ends the test and keeps what it says.
func (l *listener) Fatal(args ...any) {
	l.Helper()
	l.hear(fmt.Sprint(args...))
	l.TB.Fatal(args...)
}
