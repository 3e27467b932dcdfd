package crash

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"testing"
)

// Where the results are kept, one JSON value a line, and the page made of them.
const (
	resultsFile = "results.jsonl"
	page        = "../../docs/crash-points.md"
)

var update = flag.Bool("update", false, "write docs/crash-points.md from results.jsonl")

// result is how one try ended. The last one of a key counts.
type result struct {
	Scenario string `json:"scenario"`
	point
	Way     way    `json:"way"`
	Must    side   `json:"must"`
	End     side   `json:"end"`
	Seconds int    `json:"seconds"`
	Engine  string `json:"engine"` // SHA-256
	Problem string `json:"problem,omitempty"`
}

func (r result) key() string { return r.Scenario + "\t" + r.name() + "\t" + string(r.Way) }

// total is the first line of the results: what was tried, and what a recorded run of it named.
type total struct {
	Engine string         `json:"engine"` // SHA-256
	Points map[string]int `json:"points"` // by phase
}

// results is the file of results that grows. A nil one keeps nothing.
type results struct {
	mu   sync.Mutex
	of   total
	rows map[string]result
}

// openResults reads what earlier runs found, and sets what is tried. What was found of
// a point that is not there any more is forgotten.
func openResults(t *testing.T, of total, every []try) *results {
	t.Helper()
	r, err := readResults()
	if err != nil {
		t.Fatal(err)
	}
	r.of = of
	present := map[string]bool{}
	for _, c := range every {
		present[c.key()] = true
	}
	for key := range r.rows {
		if !present[key] {
			t.Logf("forgotten: %s", strings.ReplaceAll(key, "\t", ", "))
			delete(r.rows, key)
		}
	}
	return r
}

func readResults() (*results, error) {
	r := &results{rows: map[string]result{}}
	f, err := os.Open(resultsFile)
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for first := true; lines.Scan(); first = false {
		if first {
			if err := json.Unmarshal(lines.Bytes(), &r.of); err != nil {
				return nil, fmt.Errorf("%s: %w", resultsFile, err)
			}
			continue
		}
		var one result
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, fmt.Errorf("%s: %w", resultsFile, err)
		}
		r.rows[one.key()] = one
	}
	return r, lines.Err()
}

// rank says how soon a try is due: what was never tried, what failed, what an earlier
// engine passed; last, and not to be tried again, what this one passed.
func (r *results) rank(c try) int {
	one, ok := r.rows[c.key()]
	switch {
	case !ok:
		return 0
	case one.Problem != "":
		return 1
	case one.Engine != r.of.Engine:
		return 2
	}
	return 3
}

// add keeps a result, and writes file and page anew.
func (r *results) add(t *testing.T, one result) {
	if r == nil {
		return
	}
	if one.Problem == "" && one.End == "" {
		one.Problem = "the test was ended"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	one.Engine = r.of.Engine
	r.rows[one.key()] = one
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(r.of)
	for _, row := range r.sorted() {
		err = errors.Join(err, enc.Encode(row))
	}
	err = errors.Join(err, replace(resultsFile, b.String()), replace(page, r.draw()))
	if err != nil {
		t.Errorf("keep the result: %v", err)
	}
}

func replace(path, text string) error {
	if err := os.WriteFile(path+"~", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(path+"~", path)
}

var phases = []string{"start", "prepare", "switch", "open", "done", "back, from the switch", "back, from prepare"}

func (r *results) sorted() []result {
	order := map[string]string{}
	for i, p := range phases {
		order[p] = fmt.Sprint(i)
	}
	var rows []result
	for _, one := range r.rows {
		rows = append(rows, one)
	}
	sortBy(rows, func(one result) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%05d\t%s", order[one.Phase], one.Step, one.Call, one.What, one.Nth, one.Way)
	})
	return rows
}

// draw makes the page.
func (r *results) draw() string {
	var b strings.Builder
	rows := r.sorted()
	tried, failed, sum, present := map[string]int{}, 0, 0, 0
	points := map[string]bool{}
	for _, one := range rows {
		if at := one.Scenario + "\t" + one.name(); !points[at] { // some were tried both ways
			points[at] = true
			tried[one.Phase]++
			if one.Engine == r.of.Engine {
				present++
			}
		}
		if one.Problem != "" {
			failed++
		}
	}
	for _, n := range r.of.Points {
		sum += n
	}
	fmt.Fprintf(&b, `# Killed anywhere: points and outcomes

Made by `+"`make test-crash`"+` from test/crash/results.jsonl; a test compares the two.

The engine names its own calls that a crash could come between: fsync, syncfs, rename, unlink, a child's start and end, a
migration, a unit's start and stop, each package that rpm comes to. A try is a fresh 4.1.1 machine with data that is
upgraded to 4.2.0 (the bundle comes by `+"`dnf install`"+`, or by `+"`rpm -i`"+` where dnf's part is over at that call) and dies right before one such call (after it where its name says so: started, ended, migrated, at work): the engine alone (`+"`kill -9`"+`), or the machine by a power cut, after which only
what was synced is there (in half of those the database takes long to come up, as a large one does). Then, with no hand: the side that [the rule](upgrade-states.md) demands; packages by name and by their files' digests, none
twice; every row; the schema; configuration, state and all of /etc, /usr and /opt byte for byte as on a machine
without a crash; units active; the door answering with that release; nothing left over.

**%d of the %d points that a recorded run names were tried; %d failed.** Each point has one of these ways, as a digest of its name decides.
%d were tried with the engine of SHA-256 %.16s..., the others with the ones before it; `+"`make test-crash`"+` tries those again, after what was never
tried or failed. It goes on where it was ended, in the order of that digest, so that any beginning is spread over the line; with
`+"`ONERPM_CRASH_SHARD=i/n`"+` n machines share the points.

| phase | points | tried |
| --- | ---: | ---: |
`, len(points), sum, failed, present, r.of.Engine)
	for _, p := range phases {
		fmt.Fprintf(&b, "| %s | %d | %d |\n", p, r.of.Points[p], tried[p])
	}
	b.WriteString("\n| phase | step | dies at | about | nth | by | must be | is | s |\n| --- | --- | --- | --- | ---: | --- | --- | --- | ---: |\n")
	for _, one := range rows {
		end := string(one.End)
		if one.Problem != "" {
			end = "**fails**: " + cell(one.Problem)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | %s | %s | %s | %d |\n", one.Phase, one.Step, one.Call,
			cell(one.What), one.Nth, one.Way, one.Must, end, one.Seconds)
	}
	return b.String()
}

// cell makes a text fit for a table.
func cell(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.NewReplacer("`", "'", "|", `\|`).Replace(s) + "`"
}

func sortBy[T any](list []T, key func(T) string) {
	sort.SliceStable(list, func(i, j int) bool { return key(list[i]) < key(list[j]) })
}

// TestPage holds the page against the results.
func TestPage(t *testing.T) {
	if os.Getenv("ONERPM_CRASH") == "all" {
		return // the page is being written
	}
	r, err := readResults()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := replace(page, r.draw()); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != r.draw() {
		t.Error("docs/crash-points.md does not show the results; run go test ./test/crash -run TestPage -update")
	}
}
