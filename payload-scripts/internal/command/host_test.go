package command

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/console"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/schemas"
)

// world is a host's folders below a temporary one, with a bundle.
type world struct {
	*testing.T
	root   string
	bundle *layout.Bundle
	checks func() []finding.Finding // in place of those of the host; nil for these
}

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	return anotherWorld(t)
}

// anotherWorld is one more in a test.
func anotherWorld(t *testing.T) *world {
	t.Helper()
	root := t.TempDir()
	return &world{T: t, root: root, bundle: bundleBelow(root)}
}

func bundleBelow(root string) *layout.Bundle {
	return &layout.Bundle{Dir: filepath.Join(root, "opt/p/4.2.0"), Root: root, Manifest: &manifest.Manifest{
		Product: "Product", Prefix: "p", From: "4.1.1", To: "4.2.0", Revision: 1,
		Limits: manifest.Limits{Window: manifest.Duration(time.Minute)},
	}}
}

var begun = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// attempt writes the journal of an attempt with what change makes of it, and
// a backup, a log, a report and a run folder as it has them.
func (w *world) attempt(id string, change func(*journal.Record)) layout.Attempt {
	w.Helper()
	a := w.bundle.Places().At(id)
	rec := journal.Record{ID: id, From: "4.1.1", To: "4.2.0", Revision: 1, Began: begun, Phase: journal.Preparing, Starts: 1}
	change(&rec)
	w.write(a.Log(), "one\ntwo\nthree\n")
	w.write(a.Stores(), `{"storage": {"documents": 7, "rows": {"jobs": 4, "parts": 2}, "left": ["1 without a place: history"], "returned": true}}`)
	w.write(filepath.Join(a.Var, "report.json"), `{"changes": [{"target": "/etc/other", "package": "%config of other", "did": "unchanged", "changes": []},
		{"target": "/etc/a.conf", "did": "merged", "changes": [{"key": "port", "kind": "kept", "by": "admin", "from": "1", "to": "2"}]}]}`)
	w.write(filepath.Join(a.Var, "backup/manager.dump"), string(make([]byte, 100<<10)))
	for _, name := range []string{"bin/engine", "version", "packages/a.rpm"} {
		w.write(filepath.Join(a.Run, name), string(make([]byte, 8<<10)))
	}
	contents := `{}`
	if w.bundle.Manifest.Agents != nil {
		contents = `{"agents": {}}`
	}
	w.write(filepath.Join(a.Run, "manifest.json"), contents+strings.Repeat(" ", 8<<10-len(contents)))
	if _, err := journal.Create(a.Var, rec); err != nil {
		w.Fatal(err)
	}
	w.link(id)
	return a
}

func (w *world) link(id string) {
	w.Helper()
	current := filepath.Join(w.bundle.Places().Run(), "current")
	_ = os.Remove(current)
	if err := os.Symlink(id, current); err != nil {
		w.Fatal(err)
	}
}

func (w *world) write(path, text string) {
	w.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
}

func (w *world) state(word string) {
	w.Helper()
	if err := attempt.SetState(w.bundle.Places(), word); err != nil {
		w.Fatal(err)
	}
}

// run runs a command line and wants an exit code; it returns both outputs.
func (w *world) run(want int, args ...string) (stdout, stderr string) {
	w.Helper()
	var out, err bytes.Buffer
	e := newEnv(w.bundle, &out, &err)
	if w.checks != nil {
		e.checks = func(context.Context, *layout.Bundle) []finding.Finding { return w.checks() }
	}
	if code := e.run(w.Context(), nil, args); code != want {
		w.Errorf("%v: exit %d, want %d\n%s%s", args, code, want, out.String(), err.String())
	}
	if slices.ContainsFunc(args, console.Asks) {
		published(w.T, args, out.String())
	}
	return out.String(), err.String()
}

// tree lists what is there below a folder.
func (w *world) tree(dir string) []string {
	w.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			found = append(found, rel)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		w.Fatal(err)
	}
	return found
}

// schemasOf are those that a command's answer may be of, beside an error.
var schemasOf = map[string][]string{
	"check": {"check"}, "start": {"check"}, "rehearse": {"check"}, "status": {"status"}, "report": {"report"}, "wait": {"report", "check"},
}

var compiled = sync.OnceValue(func() map[string]*jsonschema.Schema {
	out := map[string]*jsonschema.Schema{}
	for _, name := range schemas.Names() {
		text, _ := schemas.Read(name)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			panic(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource(name, value); err != nil {
			panic(err)
		}
		out[name] = c.MustCompile(name)
	}
	return out
})

// published holds what a command told programs against the schemas that are published of it: it must be of one.
func published(t *testing.T, args []string, text string) {
	t.Helper()
	names := schemasOf[args[0]]
	if slices.Contains(args, "--summary") {
		names = []string{"summary"}
	}
	if slices.Contains(args, "--all") && args[0] == "report" {
		names = []string{"history"}
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Errorf("%v: %v\n%s", args, err, text)
		return
	}
	of := map[string]error{}
	for _, name := range append([]string{"error"}, names...) {
		if of[name] = compiled()[name].Validate(value); of[name] == nil {
			return
		}
	}
	if len(names) > 0 {
		t.Errorf("%v: what is told is of no published form: %v\n%s", args, of, text)
	}
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("not one JSON value: %v\n%s", err, text)
	}
	return v
}

// upgraded is a record of an upgrade that went well, with a window of 7.25 s.
func upgraded(r *journal.Record) {
	at := func(s float64) time.Time { return begun.Add(time.Duration(s * float64(time.Second))) }
	r.Phase, r.Outcome, r.Ended, r.Probed = journal.Finished, journal.Upgraded, at(40), true
	r.Closed, r.Reopened = at(30), at(37.25)
	r.Warnings = []string{"version-lock: a lock"}
	r.Steps = []journal.Step{
		{Phase: journal.Preparing, Name: "preflight", Began: at(0), Ended: at(1.5)},
		{Phase: journal.Switching, Name: "shut the door", Began: at(30), Ended: at(31)},
	}
}

func rolledBack(r *journal.Record) {
	upgraded(r)
	r.Phase, r.Back, r.Outcome = journal.Switching, true, journal.RolledBack
	r.Error, r.Step = "packages to new: no", "packages to new"
}

func needsAPerson(r *journal.Record) {
	rolledBack(r)
	r.Outcome, r.Todo, r.Stopped, r.Reopened = journal.NeedsAPerson, "do this", "files to old: no room", time.Time{}
}
