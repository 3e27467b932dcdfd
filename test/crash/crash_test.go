// Package crash lets upgrades of whole machines die at named points, by a kill or
// a power cut, and wants all old or all new each time, with no hand, and every write
// that a client was told is stored.
//
// make test tries the points in chosen. make test-crash tries all that a recorded
// run of each jump names, and writes docs/crash-points.md; it can be ended at any time and goes on
// where it was, and tries again what only an earlier engine passed. ONERPM_CRASH=all asks for that, ONERPM_CRASH_MAX=n ends it after n
// points, ONERPM_CRASH_SHARD=i/n takes every nth point from the ith (from 0) on, ONERPM_CRASH_JUMP=4.0.1-4.1.1 those of one jump,
// ONERPM_CRASH_PHASES='switch;open' those of these phases. ONERPM_PLATFORMS tries
// twenty points on each platform that it names instead: make test-platforms.
package crash

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"onerpm/test/host"
	"onerpm/test/platforms"
	"onerpm/test/trial"
)

// machines is how many run at a time; much of a try is waiting. Beside the other
// tests of make test it is less.
func machines(all bool) int {
	if all {
		return 4 * runtime.NumCPU()
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
func (c try) key() string { return c.in.String() + "\t" + c.at.name() + "\t" + string(c.way) }

func TestCrash(t *testing.T) {
	t.Parallel()
	names, err := platforms.Named()
	if err != nil {
		t.Fatal(err)
	}
	if len(names) > 0 {
		onPlatforms(t, names)
		return
	}
	all := os.Getenv("ONERPM_CRASH") == "all"
	want := wanted(all)
	paths, engine := bundles(t, jumpsOf(want))
	known := recordAll(t, host.Usual, want, paths, machines(all))
	tries := pick(t, known)
	var kept *trial.Results[head, result]
	if all {
		tries, kept = remaining(t, tries, want, known, engine)
	}
	tryAll(t, tries, machines(all), known, engine, kept.Add)
}

// onEach is how many of the chosen points are tried on each platform.
const onEach = 20

// onPlatforms tries points of the newest jump on platforms, for docs/platforms.md.
func onPlatforms(t *testing.T, names []string) {
	t.Helper()
	var want []scenario
	for _, s := range wanted(false) {
		if s.jump == third {
			want = append(want, s)
		}
	}
	paths, engine := bundles(t, []jump{third})
	kept, err := platforms.Open()
	if err != nil {
		t.Fatal(err)
	}
	kept.Head.Engine = engine
	for _, name := range names {
		kept.Keep(func(r platforms.Row) bool {
			return r.Platform != name || !strings.HasPrefix(r.Test, platforms.CrashPoint)
		})
		t.Run(name, func(t *testing.T) {
			const atATime = 4
			known := recordAll(t, name, want, paths, atATime)
			tries := pick(t, known)
			tryAll(t, tries[:min(onEach, len(tries))], atATime, known, engine, func(r result) error {
				return kept.Add(platforms.Row{Platform: name, Test: platforms.CrashPoint + strings.ReplaceAll(r.Key(), "\t", ", "), Seconds: r.Seconds, Engine: r.Engine, Trouble: r.Trouble})
			})
		})
	}
}

// tryAll makes tries on so many machines at a time; keep is given each result.
func tryAll(t *testing.T, tries []try, machines int, known map[scenario]*recorded, engine string, keep func(result) error) {
	t.Helper()
	q := &queue{left: tries}
	var wg sync.WaitGroup
	for range machines {
		wg.Go(func() {
			var m *machine // that an earlier try left old
			for {
				c, ok := q.next(m)
				if !ok {
					break
				}
				was := m
				m = nil // a try that is given up returns none
				t.Run(fmt.Sprintf("%s/%s/%s", c.in, c.at, c.way), func(t *testing.T) { m = one(t, c, was, known[c.in], engine, keep) })
			}
			m.end(t)
		})
	}
	wg.Wait()
}

// wanted are the scenarios of this run.
func wanted(all bool) []scenario {
	only := os.Getenv("ONERPM_CRASH_JUMP")
	var want []scenario
	for _, s := range scenarios() {
		if all && (only == "" || s.jump.String() == only) || !all && used(s) {
			want = append(want, s)
		}
	}
	return want
}

// used says whether a scenario is among the chosen points.
func used(s scenario) bool {
	for _, c := range chosen {
		if c.in == s {
			return true
		}
	}
	return false
}

func jumpsOf(list []scenario) []jump {
	var found []jump
	seen := map[jump]bool{}
	for _, s := range list {
		if !seen[s.jump] {
			seen[s.jump] = true
			found = append(found, s.jump)
		}
	}
	return found
}

// one makes one try and keeps its result. It uses the machine that the try before has left old if it fits, and
// returns the one that it leaves old itself, or nil.
func one(t *testing.T, c try, m *machine, known *recorded, engine string, keep func(result) error) (left *machine) {
	began, heard := time.Now(), &trial.Listener{TB: t}
	var o outcome
	if !m.fits(c) {
		m.end(t)
		m = nil
	}
	fresh := m == nil
	defer func() {
		problem := heard.First
		if problem == "" && (o.side == "" || t.Failed()) {
			problem = "the test was ended"
		}
		err := keep(result{Jump: c.in.jump, Scenario: c.in.name, point: c.at, Way: c.way, Must: c.in.must(c.at, c.way), End: o.side,
			Writes: o.acked, Seconds: int(time.Since(began).Seconds()), Engine: engine, Trouble: problem})
		if err != nil {
			t.Error(err)
		}
		if problem == "" && o.side == isOld && m.tries < triesEach {
			left = m
			return
		}
		if m != nil && problem != "" {
			t.Logf("the machine's journal:\n%s", m.JournalTail(60))
		}
		m.end(t)
	}()
	if fresh {
		m = boot(heard, known.platform, c.in, known.bundle)
	}
	crash(heard, m, c, known, &o)
	return nil
}

// queue hands out the tries in their order, but to whoever has a machine first one that it is good for.
type queue struct {
	mu   sync.Mutex
	left []try
}

func (q *queue) next(m *machine) (try, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.left) == 0 {
		return try{}, false
	}
	at := 0
	for i, c := range q.left {
		if m.fits(c) {
			at = i
			break
		}
	}
	c := q.left[at]
	q.left = append(q.left[:at:at], q.left[at+1:]...)
	return c, true
}

// recordAll records the scenarios, as many at a time as there is room for.
func recordAll(t *testing.T, platform string, want []scenario, paths map[jump]string, atATime int) map[scenario]*recorded {
	t.Helper()
	known := map[scenario]*recorded{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	room := make(chan struct{}, atATime)
	for _, s := range want {
		wg.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			t.Run("record "+s.String(), func(t *testing.T) {
				found := record(t, platform, s, paths[s.jump])
				mu.Lock()
				defer mu.Unlock()
				known[s] = found
			})
		})
	}
	wg.Wait()
	for s, r := range known {
		if other, ok := known[scenario{s.jump, back}]; ok && s.course == forward {
			steady(t, s, r.points, other.points)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	return known
}

// steady wants two runs to name the calls of prepare alike: a name with something random in it is met only once.
func steady(t *testing.T, s scenario, one, other []point) {
	t.Helper()
	in := func(points []point, p point) bool { return slices.Contains(points, p) }
	for _, p := range one {
		if p.Phase == "prepare" && !in(other, p) {
			t.Errorf("%s: only one of two runs names %q", s.jump, p.name())
		}
	}
	for _, p := range other {
		if p.Phase == "prepare" && !in(one, p) {
			t.Errorf("%s: only one of two runs names %q", s.jump, p.name())
		}
	}
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

// chosen is spread over the line: each phase, each kind of call, each way. Of the first jump it is what only that has.
var chosen = []choice{
	{scenario{first, forward}, "start", "", "fsync", "multi-user.target.wants", 1, cut},
	{scenario{first, forward}, "prepare", "install the early packages", "rpm at work", "", 2, cut},
	{scenario{first, forward}, "prepare", "start the early services", "ended postgresql95-setup", "", 1, killed},
	{scenario{first, forward}, "prepare", "expand the schema", "migrated", "baseline", 1, killed},
	{scenario{first, forward}, "prepare", "copy the stores", "store copied", "events", 2, cut},
	{scenario{first, forward}, "switch", "stores to new", "store read again", "", 1, cut},
	{scenario{first, forward}, "switch", "stores to new", "rename", "/stores.json", 1, killed},
	{scenario{first, forward}, "switch", "stop the sources", "stop elasticsearch", "", 1, killed},
	{scenario{first, forward}, "switch", "packages to new", "rpm at work", "logstash", 1, cut},
	{scenario{first, forward}, "switch", "move files", "rename", "/default_tenant/", 9, cut},
	{scenario{first, forward}, "switch", "move files", "chown", "", 30, killed},
	{scenario{first, forward}, "open", "erase what is not needed any more", "started rpm", "-e ", 1, cut},
	{scenario{first, back}, "back, from the switch", "move files back", "rename", "", 9, cut},
	{scenario{first, back}, "back, from the switch", "packages to old", "rpm at work", "logstash", 1, killed},
	{scenario{first, back}, "back, after its commit", "after open the door", "rename", "journal.json", 1, cut},
	{scenario{first, unprepare}, "back, from prepare", "remove what came early", "empty", "/var/lib/postgresql", 1, cut},
	{scenario{third, forward}, "start", "", "rename", "/state", 1, cut},
	{scenario{third, forward}, "prepare", "back up configuration", "rename", "/backup/", 3, killed},
	{scenario{third, forward}, "prepare", "rebuild packages", "create", "/rebuilt/", 2, killed},
	{scenario{third, forward}, "prepare", "rebuild packages", "rename", "/rebuilt/", 2, cut},
	{scenario{third, forward}, "prepare", "back up the databases", "started pg_dump", "--format=custom", 1, cut},
	{scenario{third, forward}, "prepare", "expand the schema", "migrated", "", 2, killed},
	{scenario{third, forward}, "switch", "after copy the stores", "fsync", "", 1, cut},
	{scenario{third, forward}, "switch", "mark the window", "rename", "/window", 1, cut},
	{scenario{third, forward}, "switch", "stop the services", "stop cloudify-restservice", "", 1, killed},
	{scenario{third, forward}, "switch", "packages to new", "started rpm", " -U ", 1, killed},
	{scenario{third, forward}, "switch", "packages to new", "rpm at work", "", 3, cut},
	{scenario{third, forward}, "switch", "files to new", "rename", "", 3, cut},
	{scenario{third, forward}, "switch", "schema to new", "migrated", "", 2, cut},
	{scenario{third, forward}, "switch", "shut the door", "clients are held", "", 1, killed},
	{scenario{third, forward}, "switch", "try the door", "start nginx", "", 1, cut},
	{scenario{third, forward}, "switch", "after try the door", "rename", "journal.json", 1, cut},
	{scenario{third, forward}, "open", "open the door", "new clients are let on", "", 1, killed},
	{scenario{third, forward}, "open", "open the door", "fsync", "", 1, killed},
	{scenario{third, forward}, "open", "keep the packages from updates", "rename", "dnf.conf", 1, killed},
	{scenario{third, forward}, "done", "", "unlink", ".service", 1, cut},
	{scenario{third, forward}, "open", "after start the services", "fsync", "", 1, cut},
	{scenario{third, forward}, "switch", "shut the door", "rename", "/~", 2, cut},
	{scenario{third, back}, "back, from the switch", "mark the window", "rename", "/window", 1, cut},
	{scenario{third, back}, "back, from the switch", "packages to old", "started rpm", " -U ", 1, killed},
	{scenario{third, back}, "back, from the switch", "packages to old", "ended rpm", " -U ", 1, cut},
	{scenario{third, back}, "back, from the switch", "files to old", "rename", "", 2, cut},
	{scenario{third, back}, "back, after its commit", "open the door", "let clients on", "", 1, killed},
	{scenario{third, back}, "back, after its commit", "after open the door", "rename", "journal.json", 1, killed},
	{scenario{third, back}, "back, after its commit", "take the marks away", "unlink", "", 2, cut},
	{scenario{third, unprepare}, "back, from prepare", "", "migrated", "", 1, cut},
}

// pick finds the chosen points in the recorded runs; those of scenarios that are not tried are left out.
func pick(t *testing.T, known map[scenario]*recorded) []try {
	t.Helper()
	var found []try
	for _, c := range chosen {
		r, ok := known[c.in]
		if !ok {
			continue
		}
		n := 0
		for _, p := range r.points {
			if p.Phase == c.phase && (c.step == "" || p.Step == c.step) && p.Call == c.call && strings.Contains(p.What, c.what) {
				if n++; n == c.nth {
					found = append(found, try{c.in, p, c.way})
				}
			}
		}
		if n < c.nth {
			t.Errorf("no recorded run of %s has %s, %s, %s %d about %q", c.in, c.phase, c.step, c.call, c.nth, c.what)
		}
	}
	return found
}

// remaining lists what is left to try of everything: begin first, then in an order
// in which any beginning is well spread, that of the names' digests.
func remaining(t *testing.T, begin []try, want []scenario, known map[scenario]*recorded, engine string) ([]try, *trial.Results[head, result]) {
	t.Helper()
	begins := map[string]way{}
	for _, c := range begin {
		begins[c.in.String()+"\t"+c.at.name()] = c.way
	}
	var every []try
	of := map[string]int{}
	for _, s := range want {
		for _, p := range known[s].points {
			if !strings.HasPrefix(p.Phase, s.where) {
				continue // it is the same as in the run forward
			}
			of[phaseKey(s.jump, p.Phase)]++
			w, ok := begins[s.String()+"\t"+p.name()]
			if !ok {
				w = wayOf(s, p)
			}
			every = append(every, try{s, p, w})
		}
	}
	sort.SliceStable(every, func(i, j int) bool { return place(begins, every[i]) < place(begins, every[j]) })
	kept := openResults(t, of, every, want, engine)
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
		if i%shards == shard && ofPhases(c) && kept.Due(c.key(), engine) != trial.Passed {
			left = append(left, c)
		}
	}
	sort.SliceStable(left, func(i, j int) bool { return kept.Due(left[i].key(), engine) < kept.Due(left[j].key(), engine) })
	return left[:min(limit, len(left))], kept
}

// ofPhases reports whether ONERPM_CRASH_PHASES has the phase of a try, in the words of the page and with semicolons between them; empty has all.
func ofPhases(c try) bool {
	names := os.Getenv("ONERPM_CRASH_PHASES")
	_, phase, _ := strings.Cut(phaseKey(c.in.jump, c.at.Phase), " ")
	return names == "" || slices.Contains(strings.Split(names, ";"), phase)
}

// place is a try's place in the order: the chosen ones before every digest.
func place(begins map[string]way, c try) string {
	if _, ok := begins[c.in.String()+"\t"+c.at.name()]; ok {
		return ""
	}
	return digest(c.in, c.at)
}

// digest is as good as a lot for a point, the same in every run.
func digest(s scenario, p point) string {
	sum := sha256.Sum256([]byte(s.String() + "\t" + p.name()))
	return hex.EncodeToString(sum[:])
}

// wayOf says how the engine dies at a point that is not chosen: one way for each, as
// good as drawn by lot.
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
