package random

import (
	"cmp"
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
	Hits    []string `json:"hits"` // where each fault came
	End     side     `json:"end"`
	Retried bool     `json:"retried,omitempty"` // the start was cut off and done again
	Acked   int      `json:"acknowledged"`      // writes
	Refused int      `json:"refused"`           // or without an answer
	Lost    int      `json:"lost"`              // of the acknowledged ones
	Seconds int      `json:"seconds"`
	Engine  string   `json:"engine"` // SHA-256
	Trouble string   `json:"problem,omitempty"`
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
	acked, refused, lost, failed := 0, 0, 0, 0
	for _, r := range rows {
		acked, refused, lost = acked+r.Acked, refused+r.Refused, lost+r.Lost
		if r.Trouble != "" {
			failed++
		}
	}
	fmt.Fprintf(&b, `# Faults at random times: outcomes

Made by `+"`make test-random`"+` from test/random/results.jsonl; a test compares the two. What the points of
[the crash tests](crash-points.md) do not name is met here by lot: a trial is an upgrade of a whole machine while a client uploads archives and
starts executions through the door, and at a drawn time one or two of these come over it: SIGKILL of the engine; of the rpm that changes
packages; of rpm and its parent; of all of PostgreSQL (systemd starts it again); a restart of dbus; `+"`systemctl daemon-reexec`"+`; a power cut, after which only what was synced is
there. A second fault may also be the end of another program of the engine's, a PostgreSQL that is away for 8 s or a dbus for 3 s, `+"`systemctl stop`"+` of
the engine and a start by hand, the command `+"`rollback`"+`, a clean reboot. In half of the trials the new release does not start, so that the upgrade goes back. A machine that was left old serves for the next
trial, up to four times: a retry after each kind of outcome is part of it.

Then, with no hand: all old or all new, as the crash tests compare whole machines; every acknowledged upload with its row and its
archive by its digest, every acknowledged execution taken to its end; no exit 5.

**%d of %d trials of the seed %d; %d failed. %d writes were acknowledged, %d of them lost; %d requests were refused or got no answer.** %s.
The run can be ended at any time and goes on where it was; `+"`ONERPM_RANDOM_ONLY=n`"+` tries one of them again, with another order of what runs side by side.

`, len(rows), h.Trials, h.Seed, failed, acked, lost, refused, trial.Engines(h.Engine, rows))
	b.WriteString("| fault | trials | all old | all new | failed |\n| --- | ---: | ---: | ---: | ---: |\n")
	for _, k := range kinds {
		tally(&b, "first: "+string(k), rows, func(r row) bool { return r.Faults[0].Kind == k })
	}
	for _, k := range more {
		tally(&b, "second: "+string(k), rows, func(r row) bool { return len(r.Faults) == 2 && r.Faults[1].Kind == k })
	}
	tally(&b, "one fault", rows, func(r row) bool { return len(r.Faults) == 1 })
	tally(&b, "two faults", rows, func(r row) bool { return len(r.Faults) == 2 })
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

// begins says whether a fault came in a phase.
func begins(hit string, p phase) bool {
	hit = strings.TrimPrefix(hit, "no process, ")
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
