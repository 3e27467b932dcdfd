package random

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"onerpm/test/trial"
)

// Where the results are kept, and the page made of them.
const (
	resultsFile = "results.jsonl"
	page        = "../../docs/random-run.md"
)

var update = flag.Bool("update", false, "write docs/random-run.md from results.jsonl")

// head is the first line of the results: what was to be tried.
type head struct {
	Engine string `json:"engine"` // SHA-256
	Seed   uint64 `json:"seed"`
	Trials int    `json:"trials"`
}

// row is how one trial ended.
type row struct {
	plan
	Hits      []string `json:"hits"` // where each fault came
	End       side     `json:"end"`
	Retried   bool     `json:"retried,omitempty"`   // the start was cut off and done again
	Acked     int      `json:"acknowledged"`        // writes
	Forgotten int      `json:"forgotten,omitempty"` // others, which an Elasticsearch that was killed need not have
	Refused   int      `json:"refused"`             // or without an answer
	Lost      int      `json:"lost"`                // of the acknowledged ones
	Seconds   int      `json:"seconds"`
	Engine    string   `json:"engine"` // SHA-256
	Trouble   string   `json:"problem,omitempty"`
}

func (r row) Key() string     { return r.String() }
func (r row) Order() string   { return r.key() }
func (r row) By() string      { return r.Engine }
func (r row) Problem() string { return r.Trouble }

// faults is what was done in a trial, in words.
func (r row) faults() string {
	var all []string
	for _, f := range r.Faults {
		all = append(all, string(f.Kind))
	}
	return strings.Join(all, ", then ")
}

// draw makes the page.
func draw(h head, rows []row) string {
	var b strings.Builder
	acked, forgotten, refused, lost, failed, missed := 0, 0, 0, 0, 0, 0
	for _, r := range rows {
		acked, forgotten, refused, lost = acked+r.Acked, forgotten+r.Forgotten, refused+r.Refused, lost+r.Lost
		if r.Trouble != "" {
			failed++
		}
		if !slices.ContainsFunc(r.Hits, met) {
			missed++
		}
	}
	fmt.Fprintf(&b, `# Faults at random times: outcomes

Made by `+"`make test-random`"+` from test/random/results.jsonl; a test compares the two. It covers what the points of
[the crash tests](crash-points.md) do not name. A trial is an upgrade of a whole machine while a client uploads archives and
starts executions through the door; at a random time one or two of these faults happen: SIGKILL of the engine; of the rpm that changes
packages; of rpm and its parent; of all of PostgreSQL (systemd starts it again); a restart of dbus; `+"`systemctl daemon-reexec`"+`; a power cut, after which only what was synced is
there. A second fault may also be SIGKILL of another program that the engine has started, a stop of PostgreSQL for 8 s or of dbus for 3 s, `+"`systemctl stop`"+` of
the engine followed by a start by hand, the command `+"`rollback`"+`, or a clean reboot. In half of the trials the new release does not start, so that the upgrade goes back. A machine that was left old is used for
further trials, four in all, so that retries after each kind of outcome are tested too.

In a third of the trials the upgrade is the one out of Elasticsearch. There SIGKILL of all of Elasticsearch is a fault too, as long as the old release has its data in it, and SIGKILL of PostgreSQL is one
from when the upgrade has brought it; neither is stopped for a while. An Elasticsearch 1.x that is killed or loses power forgets the writes of the last five seconds, but for what was flushed. So in these trials it
is flushed every 200 ms, and when such a fault comes, those writes count that were acknowledged before a flush began which was acknowledged before the fault; the others need not be there. With every other
fault, and once the new release is committed, all count.

Afterwards, without intervention, the machine must be all old or all new, compared as a whole as in the crash tests. Every acknowledged upload must have its row and its
archive with the right digest, every acknowledged execution must have been completed, and no upgrade may end with exit code 5.

**%d of %d trials of the seed %d; %d failed. %d writes were acknowledged, %d of them lost; %d requests were refused or got no answer.** %d more writes were acknowledged by an Elasticsearch that was killed before
it was flushed. %s.
In %d trials no fault met an upgrade under way: it had ended, or what was to be killed did not run any more ("no process").
The run can be ended at any time and goes on where it was; `+"`ONERPM_RANDOM_ONLY=n`"+` tries one of them again, with another order of what runs side by side.

`, len(rows), h.Trials, h.Seed, failed, acked, lost, refused, forgotten, trial.Engines(h.Engine, rows), missed)
	b.WriteString("| fault | trials | all old | all new | failed |\n| --- | ---: | ---: | ---: | ---: |\n")
	for _, k := range firstKinds {
		tally(&b, "first: "+string(k), rows, func(r row) bool { return r.Faults[0].Kind == k })
	}
	for _, k := range append(slices.Clone(more), elastic) {
		tally(&b, "second: "+string(k), rows, func(r row) bool { return len(r.Faults) == 2 && r.Faults[1].Kind == k })
	}
	tally(&b, "one fault", rows, func(r row) bool { return len(r.Faults) == 1 })
	tally(&b, "two faults", rows, func(r row) bool { return len(r.Faults) == 2 })
	for _, j := range jumps {
		tally(&b, j.String(), rows, func(r row) bool { return r.Jump == j })
	}
	b.WriteString("\n| the first fault came in | trials | all old | all new | failed |\n| --- | ---: | ---: | ---: | ---: |\n")
	for _, p := range []phase{starting, preparing, switching, opening, back, ended} {
		tally(&b, string(p), rows, func(r row) bool { return len(r.Hits) > 0 && begins(r.Hits[0], p) })
	}
	b.WriteString("\n| trial | jump | way | faults | came in | is | acknowledged | s |\n| ---: | --- | --- | --- | --- | --- | ---: | ---: |\n")
	for _, r := range rows {
		end := cmp.Or(string(r.End), "-")
		if r.Retried {
			end += ", started twice"
		}
		if r.Trouble != "" {
			end = "**fails**: " + trial.Cell(r.Trouble)
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s | %d | %d |\n", r.N, r.Jump, r.way(), r.faults(), strings.Join(r.Hits, ", then "), end, r.Acked, r.Seconds)
	}
	return b.String()
}

// noProcess begins a hit when there was nothing to kill.
const noProcess = "no process, "

// met says whether a fault came while an upgrade was under way, and was made.
func met(hit string) bool { return hit != string(ended) && !strings.HasPrefix(hit, noProcess) }

// begins says whether a fault came in a phase.
func begins(hit string, p phase) bool {
	hit = strings.TrimPrefix(hit, noProcess)
	return hit == string(p) || strings.HasPrefix(hit, string(p)+":")
}

// tally writes a line of counts of those rows that are meant.
func tally(b *strings.Builder, what string, rows []row, meant func(row) bool) {
	var all, old, now, failed int
	for _, r := range rows {
		if !meant(r) {
			continue
		}
		all++
		switch {
		case r.Trouble != "":
			failed++
		case r.End == isOld:
			old++
		case r.End == isNew:
			now++
		}
	}
	fmt.Fprintf(b, "| %s | %d | %d | %d | %d |\n", what, all, old, now, failed)
}

// TestDraw wants the page to count every trial once, by its faults and where they came, and to say what failed.
func TestDraw(t *testing.T) {
	t.Parallel()
	of := func(kinds ...kind) plan {
		p := plan{Jump: jumps[0]}
		for _, k := range kinds {
			p.Faults = append(p.Faults, fault{Kind: k})
		}
		return p
	}
	text := draw(head{Engine: "now", Seed: 3, Trials: 9}, []row{
		{plan: of(engine), Hits: []string{"switch: drain"}, End: isOld, Acked: 5, Forgotten: 2, Refused: 1, Engine: "now"},
		{plan: of(rpmAlone, power), Hits: []string{noProcess + "ended", "ended"}, End: isNew, Acked: 2, Engine: "now"},
		{plan: of(rpmAlone, dbus), Hits: []string{noProcess + "back: files to old", "back: files to old"}, End: isOld, Retried: true, Engine: "now"},
		{plan: of(engine), Hits: []string{"open"}, Lost: 1, Engine: "now", Trouble: "1 of 2 writes | lost"},
	})
	for _, want := range []string{
		"**4 of 9 trials of the seed 3; 1 failed. 7 writes were acknowledged, 1 of them lost; 1 requests were refused or got no answer.** 2 more writes were acknowledged by an Elasticsearch that was killed before\nit was flushed. All were tried with the engine of SHA-256 now.",
		"\nIn 1 trials no fault met an upgrade under way",
		"\n| first: engine | 2 | 1 | 0 | 1 |\n| first: rpm | 2 | 1 | 1 | 0 |\n", "\n| second: power | 1 | 0 | 1 | 0 |\n", "\n| 3.4.2-4.0.1 | 4 | 2 | 1 | 1 |\n", "\n| one fault | 2 | 1 | 0 | 1 |\n| two faults | 2 | 1 | 1 | 0 |\n",
		"\n| switch | 1 | 1 | 0 | 0 |\n| open | 1 | 0 | 0 | 1 |\n| back | 1 | 1 | 0 | 0 |\n| ended | 1 | 0 | 1 | 0 |\n",
		"| engine | open | **fails**: `1 of 2 writes \\| lost` |", "| old, started twice |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}

// TestPage holds the page against the results.
func TestPage(t *testing.T) {
	if os.Getenv("ONERPM_RANDOM") != "" {
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
		t.Error("docs/random-run.md does not show the results; run go test ./test/random -run TestPage -update")
	}
}
