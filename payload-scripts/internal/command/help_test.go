package command

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestManualOfTheEngine: the man page and the completion have each of the engine's commands, and its flags.
func TestManualOfTheEngine(t *testing.T) {
	w := newWorld(t)
	page, _ := w.run(0, "man")
	completion, _ := w.run(0, "completion")
	for _, c := range commands() {
		if c.what == "" {
			continue
		}
		contains(t, page, "\n.B "+c.name+"\n")
		contains(t, completion, "    "+c.name+") words=")
	}
	contains(t, page, `\-\-dry\-run`, `\-\-lines`, "/etc/p/upgrade.conf")
	contains(t, completion, "agents) words='status start resume wait --json'", "clean) words='--all --dry-run --json'", "log) words='--follow --json --level --lines --phase'", "report) words='--all --id --json --summary'")
	if strings.Contains(page, "checked") {
		t.Error("a flag that is not for people is in the man page")
	}
}

// TestSchemas: each engine gives the schemas of its own answers.
func TestSchemas(t *testing.T) {
	w := newWorld(t)
	out, _ := w.run(0, "help", "schema")
	if out != "check\nerror\nhistory\nreport\nstatus\nsummary\n" {
		t.Errorf("%q", out)
	}
	out, _ = w.run(0, "help", "schema", "check")
	contains(t, out, "https://json-schema.org/draft/2020-12/schema", `"under-way"`)
	_, stderr := w.run(2, "help", "schema", "chek")
	contains(t, stderr, `no schema of "chek"; choose one of check, error`)
}

// TestExitCodesAreInTheDocs: the page and the help have the same codes.
func TestExitCodesAreInTheDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	_, ours, _ := strings.Cut(string(page), "\n## The upgrade's command on the host\n")
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| (.*) \|$`).FindAllStringSubmatch(ours, -1)
	if len(rows) != len(exitCodes) {
		t.Errorf("the page has %d codes, the help %d", len(rows), len(exitCodes))
	}
	for i, c := range exitCodes {
		if i < len(rows) && (rows[i][1] != strconv.Itoa(c.Code) || c.Code != i) {
			t.Errorf("row %d of the page is about %s, of the help about %d", i, rows[i][1], c.Code)
		}
	}
	contains(t, ours, "| 9 | `wait --timeout`: time ran out; the upgrade goes on |")
}
