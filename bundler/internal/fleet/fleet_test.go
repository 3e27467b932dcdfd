package fleet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Answers, as the upgrade's command writes them.
const (
	upgraded = `{"product": "P", "id": "1", "from": "4.1.1", "to": "4.2.0", "outcome": "upgraded", "began": "2026-01-02T03:00:00Z", "ended": "2026-01-02T03:04:05Z",
		"window": "2.3s", "window_measured": true, "window_limit": "1m0s", "steps": []}`
	back = `{"from": "4.1.1", "to": "4.2.0", "outcome": "rolled-back", "began": "2026-01-02T03:00:00Z", "ended": "2026-01-02T03:04:05Z", "window": "4s",
		"failed_step": "health", "error": "the door did not answer within 30s", "todo": "Remove the cause, then start", "steps": []}`
	person = `{"from": "4.1.1", "to": "4.2.0", "outcome": "needs-a-person", "began": "2026-01-02T03:00:00Z", "window": "0s", "error": "no space left", "steps": []}`
	runs   = `{"from": "4.1.1", "to": "4.2.0", "outcome": "", "began": "2026-01-02T03:00:00Z", "window": "0s", "steps": []}`
	ready  = `{"from": "4.1.1", "to": "4.2.0", "verdict": "ready", "findings": [{"id": "clients-connected", "level": "warn", "what": "3 connections", "do": ""}]}`
	there  = `{"from": "4.1.1", "to": "4.2.0", "verdict": "nothing-to-do", "findings": [{"id": "already-there", "level": "refuse", "what": "it is 4.2.0", "do": ""}]}`
	full   = `{"from": "4.1.1", "to": "4.2.0", "verdict": "refused", "findings": [{"id": "no-room", "level": "refuse", "what": "7 MiB are free", "do": "free disk space"},
		{"id": "not-root", "level": "refuse", "what": "you are a", "do": "be root"}]}`
	works  = `{"from": "4.1.1", "to": "4.2.0", "verdict": "under-way", "id": "4.2.0-1-x", "findings": [{"id": "under-way", "level": "refuse", "what": "it works", "do": "wait"}]}`
	stuck  = `{"from": "4.1.1", "to": "4.2.0", "verdict": "needs-a-person", "id": "4.2.0-1-x", "findings": [{"id": "needs-a-person", "level": "refuse", "what": "no space", "do": "see the report"}]}`
	short  = `{"id": "4.2.0-1-x", "from": "4.1.1", "to": "4.2.0", "outcome": "%s", "window": "4s", "cause": "the door", "todo": "remove it"}`
	failed = `{"failed": "report", "why": "the disk is broken", "do": "mend it", "exit_code": 1}`
	held   = `{"from": "4.1.1", "to": "4.2.0", "outcome": "not-started", "refused": false, "why": "the file manual is there", "findings": null}`
	denied = `{"from": "4.1.1", "to": "4.2.0", "outcome": "not-started", "refused": true, "why": "it was refused", "findings": [{"id": "no-room", "level": "refuse", "what": "7 MiB", "do": ""}]}`
)

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, files map[string]string) *Fleet {
	t.Helper()
	f, err := Read(write(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestWhere: where a machine is, out of all that it said.
func TestWhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		state State
		cause string
	}{
		"upgraded":               {map[string]string{"m.json": upgraded}, Upgraded, ""},
		"by Ansible":             {map[string]string{"m/report.json": upgraded, "m/check.json": there}, Upgraded, ""},
		"a look before":          {map[string]string{"m/report.json": upgraded, "m/check.json": ready}, Upgraded, ""},
		"new, without a report":  {map[string]string{"m/check.json": there}, Upgraded, ""},
		"back":                   {map[string]string{"m/report.json": back}, RolledBack, "the door did not answer within 30s"},
		"back, ready again":      {map[string]string{"m/report.json": back, "m/check.json": ready}, RolledBack, "the door did not answer within 30s"},
		"back, refused since":    {map[string]string{"m/report.json": back, "m/check.json": full}, Refused, "7 MiB are free (no-room); you are a (not-root)"},
		"back, by hand then new": {map[string]string{"m/report.json": back, "m/check.json": there}, Upgraded, ""},
		"needs a person":         {map[string]string{"m/report.json": person, "m/check.json": full}, NeedsAPerson, "no space left"},
		"under way":              {map[string]string{"m.json": runs}, UnderWay, ""},
		"looked at":              {map[string]string{"m/check.json": ready, "m/rehearsal.json": `{"window": "3s"}`}, Ready, ""},
		"held":                   {map[string]string{"m.json": held}, Ready, ""},
		"denied":                 {map[string]string{"m.json": denied}, Refused, "7 MiB (no-room)"},
		"at work":                {map[string]string{"m/check.json": works}, UnderWay, ""},
		"at work, again":         {map[string]string{"m/check.json": works, "m/report.json": back}, UnderWay, ""},
		"stuck":                  {map[string]string{"m/check.json": stuck}, NeedsAPerson, "no space (needs-a-person)"},
		"stuck, and why":         {map[string]string{"m/check.json": stuck, "m/report.json": person}, NeedsAPerson, "no space left"},
		"in short, back":         {map[string]string{"m.json": fmt.Sprintf(short, "rolled-back")}, RolledBack, "the door"},
		"in short, at work":      {map[string]string{"m.json": fmt.Sprintf(short, "under-way")}, UnderWay, ""},
		"in short, not started":  {map[string]string{"m.json": fmt.Sprintf(short, "not-started")}, Ready, ""},
		"an outcome of later":    {map[string]string{"m.json": strings.Replace(back, "rolled-back", "paused", 1)}, NeedsAPerson, `its outcome is "paused"`},
		"by Run Command": {map[string]string{
			"check/0-1/m/awsrunShellScript/Work/stdout": ready, "check/0-1/m/awsrunShellScript/Work/stderr": "x",
			"upgrade/0-2/m/awsrunShellScript/Work/stdout": `{"stage": "wait", "code": 4, "changed": false, "answer": ` + back + `}`,
		}, RolledBack, "the door did not answer within 30s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := read(t, c.files)
			if len(f.Machines) != 1 || len(f.Skipped) > 0 {
				t.Fatalf("%+v", f)
			}
			if m := f.Machines[0]; m.Name != "m" || m.From != "4.1.1" || m.To != "4.2.0" || m.State != c.state || m.Cause != c.cause {
				t.Errorf("%+v", m)
			}
		})
	}
}

// TestCounts: the machines that somebody has to look at come first, causes are put together, windows are counted.
func TestCounts(t *testing.T) {
	t.Parallel()
	f := read(t, map[string]string{
		"m2.json": upgraded, "m10.json": strings.Replace(upgraded, "2.3s", "1m12s", 1), "m1.json": strings.Replace(upgraded, "2.3s", "3s", 1),
		"b2.json": back, "b1.json": strings.Replace(back, "30s", "31s", 1), "r.json": full, "p.json": person,
		"a.json": strings.Replace(upgraded, `"steps"`, `"agents": {"state": "pending"}, "steps"`, 1), "notes.json": "[", "read.me": "x", "e.json": failed,
	})
	var got []string
	for _, m := range f.Machines {
		got = append(got, m.Name)
	}
	if want := []string{"p", "b1", "b2", "r", "a", "m1", "m2", "m10"}; !slices.Equal(got, want) {
		t.Errorf("the machines are in the order %q", got)
	}
	if w := f.Windows; w == nil || *w != (Windows{4, 2.3, 2.3, 72}) {
		t.Errorf("the windows are %+v", w)
	}
	got = nil
	for _, c := range f.Causes {
		got = append(got, fmt.Sprintf("%s: %s: %s", c.State, c.What, strings.Join(c.Machines, " ")))
	}
	if want := []string{
		"rolled-back: the door did not answer within 31s: b1 b2", "needs-a-person: no space left: p", "refused: 7 MiB are free (no-room): r", "refused: you are a (not-root): r",
	}; !slices.Equal(got, want) {
		t.Errorf("the causes are %q", got)
	}
	if len(f.Skipped) != 2 || f.Skipped[0] != (Skipped{"e.json", "the command report failed: the disk is broken"}) || f.Skipped[1].File != "notes.json" {
		t.Errorf("skipped is %+v", f.Skipped)
	}
	if got := f.Summary(); got != "8 machines: 1 needs a person, 2 rolled back, 1 refused, 4 upgraded; out of service 2.3 s to 1m12s, half of them at most 2.3 s" {
		t.Error(got)
	}
	if got := f.Table()[5][3]; got != "upgraded, agents pending" {
		t.Error(got)
	}
}

// TestHostile: what machines say is text, whatever stands in it, and no file leads out of the folder.
func TestHostile(t *testing.T) {
	t.Parallel()
	const evil = "<script>alert(1)</script>\"'&\x1b[2J\u202egnp\u0000\n\n## x"
	quoted, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(`"no space left"`, string(quoted), `"4.1.1"`, string(quoted)).Replace(person)
	dir := write(t, map[string]string{
		"m<b>.json": text, "long.json": strings.Replace(person, "no space left", strings.Repeat("x", 100_000), 1),
		"window.json": strings.Replace(upgraded, "2.3s", "9999999h", 1), "number.json": strings.Replace(upgraded, `"2.3s"`, "7", 1),
		"deep.json": strings.Repeat(`{"a":`, 20_000), ".hidden.json": upgraded,
	})
	outside := write(t, map[string]string{"secret.json": upgraded})
	if err := os.Symlink(outside+"/secret.json", dir+"/link.json"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, dir+"/folder"); err != nil {
		t.Fatal(err)
	}
	big, err := os.Create(dir + "/big.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := big.Truncate(maxFile + 1); err != nil {
		t.Fatal(err)
	}
	if err := big.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names, skipped []string
	for _, m := range f.Machines {
		names = append(names, m.Name)
	}
	for _, s := range f.Skipped {
		skipped = append(skipped, s.File)
	}
	if !slices.Equal(names, []string{"long", "m<b>", "window"}) || !slices.Equal(skipped, []string{"big.json", "deep.json", "link.json", "number.json"}) {
		t.Errorf("machines %q, skipped %q", names, skipped)
	}
	var page bytes.Buffer
	if err := f.Render(&page); err != nil {
		t.Fatal(err)
	}
	if s := page.String(); strings.Contains(s, "<script") || strings.Contains(s, "m<b>") || !strings.Contains(s, "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;?[2J?gnp?") || len(s) > 20_000 {
		t.Errorf("the page has %d bytes:\n%.3000s", len(s), s)
	}
	for _, row := range f.Table() {
		for _, cell := range row {
			if strings.ContainsAny(cell, "\x1b\n\u202e") || len(cell) > 600 {
				t.Errorf("a cell is %q", cell)
			}
		}
	}
	for _, external := range []string{"http:", "https:", "//", "url(", "@import"} {
		if strings.Contains(page.String(), external) {
			t.Errorf("the page has %q", external)
		}
	}
}

// TestMany: a page of many machines lists the first, which are those that failed, and counts all.
func TestMany(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range maxRows + 500 {
		files[fmt.Sprintf("m%d/report.json", i)] = upgraded
	}
	files["m7/report.json"] = back
	f := read(t, files)
	var page bytes.Buffer
	if err := f.Render(&page); err != nil {
		t.Fatal(err)
	}
	s := page.String()
	if n := strings.Count(s, `<th scope="row">`); n != maxRows || !strings.Contains(s, "500 more machines are counted above") || !strings.Contains(s, "<strong>2499</strong> upgraded") {
		t.Errorf("%d rows", n)
	}
	if first := strings.Index(s, `<th scope="row">m7<`); first < 0 || first > strings.Index(s, `<th scope="row">m0<`) {
		t.Error("the machine that went back is not the first")
	}
}

func TestNoFolder(t *testing.T) {
	t.Parallel()
	if _, err := Read(t.TempDir() + "/none"); err == nil {
		t.Error("a folder that is not there was read")
	}
}
