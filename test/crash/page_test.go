package crash

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"onerpm/test/trial"
)

// Where the results are kept, and the page made of them.
const (
	resultsFile = "results.jsonl"
	page        = "../../docs/crash-points.md"
)

var update = flag.Bool("update", false, "write docs/crash-points.md from results.jsonl")

// result is how one try ended.
type result struct {
	Jump     jump   `json:"jump"`
	Scenario string `json:"scenario"`
	point
	Way     way    `json:"way"`
	Must    side   `json:"must"`
	End     side   `json:"end"`
	Writes  int    `json:"writes"` // that were acknowledged between the point and the death
	Seconds int    `json:"seconds"`
	Engine  string `json:"engine"` // SHA-256
	Trouble string `json:"problem,omitempty"`
}

func (r result) at() string      { return r.Jump.String() + " " + r.Scenario + "\t" + r.name() }
func (r result) Key() string     { return r.at() + "\t" + string(r.Way) }
func (r result) By() string      { return r.Engine }
func (r result) Problem() string { return r.Trouble }

// Order is the place on the page: by jump, then along the line.
func (r result) Order() string {
	return fmt.Sprintf("%s\t%d\t%s\t%s\t%s\t%05d\t%s", r.Jump, phaseRank(r.Phase), r.Step, r.Call, r.What, r.Nth, r.Way)
}

// head is the first line of the results: what was tried, and what a recorded run of it named.
type head struct {
	Engine string         `json:"engine"` // SHA-256
	Points map[string]int `json:"points"` // by jump and phase
}

// phaseKey names a phase of a jump in the head.
func phaseKey(j jump, phase string) string { return j.String() + " " + phase }

var phases = []string{"start", "prepare", "switch", "open", "done", "back, from the switch", "back, from prepare", "back, after its commit"}

func phaseRank(phase string) int {
	for i, p := range phases {
		if p == phase {
			return i
		}
	}
	return len(phases)
}

// openResults reads what earlier runs found, and sets what is tried. What was found of
// a point that is not there any more is forgotten; what was found of jumps that are not tried is kept.
func openResults(t *testing.T, of map[string]int, every []try, want []scenario, engine string) *trial.Results[head, result] {
	t.Helper()
	r, err := trial.Open(resultsFile, page, draw)
	if err != nil {
		t.Fatal(err)
	}
	present, tried := map[string]bool{}, map[jump]bool{}
	for _, s := range want {
		tried[s.jump] = true
	}
	for _, c := range every {
		present[c.key()] = true
	}
	for phase, n := range r.Head.Points {
		if _, ok := of[phase]; !ok && !tried[jumpOf(phase)] {
			of[phase] = n
		}
	}
	r.Head = head{Engine: engine, Points: of}
	for _, key := range r.Keep(func(row result) bool { return present[row.Key()] || !tried[row.Jump] }) {
		t.Logf("forgotten: %s", strings.ReplaceAll(key, "\t", ", "))
	}
	return r
}

// jumpOf is the jump of a phaseKey.
func jumpOf(key string) jump {
	name, _, _ := strings.Cut(key, " ")
	from, to, _ := strings.Cut(name, "-")
	return jump{from, to}
}

// counts are those of a page's table.
type counts struct{ tried, failed, writes int }

// draw makes the page.
func draw(h head, rows []result) string {
	var b strings.Builder
	tried, all, sum := map[string]counts{}, counts{}, 0
	points := map[string]bool{}
	for _, r := range rows {
		c := tried[phaseKey(r.Jump, r.Phase)]
		if !points[r.at()] { // some were tried both ways
			points[r.at()] = true
			c.tried++
			all.tried++
		}
		if r.Trouble != "" {
			c.failed++
			all.failed++
		}
		c.writes += r.Writes
		all.writes += r.Writes
		tried[phaseKey(r.Jump, r.Phase)] = c
	}
	for _, n := range h.Points {
		sum += n
	}
	fmt.Fprintf(&b, `# Killed anywhere: points and outcomes

Made by `+"`make test-crash`"+` from [test/crash/results.jsonl](../test/crash/results.jsonl), which has a line for each try; a test compares the two. [Faults at random times](random-run.md) are another run.

The engine names its own calls that a crash could come between: fsync, syncfs, rename, unlink, a child's start and end, a
migration, a unit's start and stop, each package that rpm comes to. A try is a machine with data that is
upgraded (the bundle comes by `+"`dnf install`"+`, or by `+"`rpm -i`"+` where dnf's part is over at that call, and the command `+"`start`"+` begins where an
attempt before has left the machine old) and dies right before one such call (after it where its name says so: started, ended, migrated, at work): the engine
alone (`+"`kill -9`"+`), or the machine by a power cut, after which only what was synced is there (in half of those the database takes long to come
up, as a large one does). Between the call and the death a client uploads through the door if it lets it in. Then, with no hand: the side that [the rule](upgrade-states.md) demands; packages by name and by their files' digests, none
twice; every row; the schema; configuration, state and all of /etc, /usr and /opt byte for byte as on a machine
without a crash; units active; the door answering with that release; every acknowledged upload; nothing left over.

Release 3.4.2 keeps its data in Elasticsearch 1.6 and has no PostgreSQL. All old means there: each document by index, type, id, version and source, and no cluster, process, file, log or user of
PostgreSQL's. All new: the rows of a machine without a crash, but for their numbers, which come from the order of reading, so that references are compared by what they lead to; and for passwords, certificates and salts, which each upgrade makes.
Elasticsearch forgets the last five seconds before a power cut, whatever it has answered. So before a cut that client has it flushed (`+"`POST /_flush`"+`), and what it was told before that counts; one upload more comes after
the flush. That one may be lost, after the upgrade may have copied it, and the machine must come to its side all the same.

One moment is not tried: at its very end the engine removes its own unit, which has two names in /etc, and between the two there is no
point. Stopped there for seconds, a power cut has left the unit's file without its place in the boot: nothing starts it, and the next `+"`start`"+` or
`+"`clean`"+` removes it.

**%d of the %d points that recorded runs name were tried; %d failed. %d uploads were acknowledged right before a death.** Each point has one of these ways, as a digest of its name decides.
%s; `+"`make test-crash`"+` tries again what an earlier engine passed, after what was never
tried or failed. It resumes where it was ended, in the order of that digest, so that any beginning is spread over the line; with
`+"`ONERPM_CRASH_SHARD=i/n`"+` n machines share the points.

| jump | phase | points | tried | failed | uploads before a death |
| --- | --- | ---: | ---: | ---: | ---: |
`, all.tried, sum, all.failed, all.writes, trial.Engines(h.Engine, rows))
	for _, j := range jumps {
		for _, p := range phases {
			if n := h.Points[phaseKey(j, p)]; n > 0 {
				c := tried[phaseKey(j, p)]
				fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d |\n", j, p, n, c.tried, c.failed, c.writes)
			}
		}
	}
	if all.failed > 0 {
		b.WriteString("\n## What failed\n\n| jump | phase | step | dies at | about | nth | by | must be | fails |\n| --- | --- | --- | --- | --- | ---: | --- | --- | --- |\n")
	}
	for _, r := range rows {
		if r.Trouble != "" {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %d | %s | %s | %s |\n", r.Jump, r.Phase, r.Step, r.Call, trial.Cell(r.What), r.Nth, r.Way, r.Must, trial.Cell(r.Trouble))
		}
	}
	return b.String()
}

// TestPage holds the page against the results.
func TestPage(t *testing.T) {
	if os.Getenv("ONERPM_CRASH") == "all" {
		return // the page is being written
	}
	r, err := trial.Open(resultsFile, page, draw)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := r.WritePage(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != r.Page() {
		t.Error("docs/crash-points.md does not show the results; run go test ./test/crash -run TestPage -update")
	}
}

// TestDraw wants the page to count points once, whatever the ways, and to say what failed.
func TestDraw(t *testing.T) {
	t.Parallel()
	at := point{"switch", "drain", "fsync", "a|b", 1}
	rows := []result{
		{Jump: first, Scenario: "forward", point: at, Way: cut, Must: isOld, End: isOld, Engine: "now"},
		{Jump: second, Scenario: "forward", point: at, Way: cut, Must: isOld, End: isOld, Writes: 2, Engine: "now"},
		{Jump: third, Scenario: "forward", point: at, Way: cut, Must: isOld, End: isOld, Engine: "now"},
		{Jump: third, Scenario: "forward", point: at, Way: killed, Must: isOld, Engine: "now", Trouble: "broken"},
	}
	text := draw(head{Engine: "now", Points: map[string]int{phaseKey(first, "switch"): 2, phaseKey(second, "switch"): 3, phaseKey(third, "switch"): 1}}, rows)
	for _, want := range []string{
		"**3 of the 6 points that recorded runs name were tried; 1 failed. 2 uploads were acknowledged right before a death.**",
		"\nAll were tried with the engine of SHA-256 now;",
		"\n| 3.4.2-4.0.1 | switch | 2 | 1 | 0 | 0 |\n| 4.0.1-4.1.1 | switch | 3 | 1 | 0 | 2 |\n| 4.1.1-4.2.0 | switch | 1 | 1 | 1 | 0 |\n",
		"\n## What failed\n", "\n| 4.1.1-4.2.0 | switch | drain | fsync | `a\\|b` | 1 | kill -9 | old | `broken` |\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if n := strings.Count(text, "| drain |"); n != 1 {
		t.Errorf("%d tries are listed, want the one that failed", n)
	}
	if text := draw(head{Engine: "now"}, rows[:3]); strings.Contains(text, "What failed") {
		t.Errorf("nothing failed:\n%s", text)
	}
	if got := jumpOf(phaseKey(second, "back, from prepare")); got != second {
		t.Errorf("the jump of a phase's key is %v", got)
	}
}
