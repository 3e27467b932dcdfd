package command

import (
	"path/filepath"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/answer"
	"onerpm/payload-scripts/internal/attempt"
	"onerpm/payload-scripts/internal/dbstate"
)

// TestStatusOfDatabases: one that cannot be asked fails nothing, whether or not there is an upgrade to tell of.
func TestStatusOfDatabases(t *testing.T) {
	w := newWorld(t)
	w.bundle.Manifest.Databases = []manifest.Database{{Name: "manager", Connection: manifest.Connection{File: filepath.Join(w.root, "none.yaml"), Format: "yaml"}}}
	is := func(found []dbstate.State) {
		t.Helper()
		if len(found) != 1 || found[0].Name != "manager" || found[0].Role != "" || found[0].Why == "" {
			t.Errorf("%+v", found)
		}
	}
	out, _ := w.run(exitDone, "status", "--json")
	none := decode[answer.NoStatus](t, out)
	if is(none.Databases); none.Outcome != answer.NotStartedWord {
		t.Errorf("%s", out)
	}
	w.attempt(id, rolledBack)
	w.state(attempt.RolledBack)
	out, _ = w.run(exitDone, "status", "--json")
	some := decode[answer.Status](t, out)
	if is(some.Databases); some.ID != id {
		t.Errorf("%s", out)
	}
	out, _ = w.run(exitDone, "report", "--json")
	if decode[answer.Status](t, out).Databases != nil {
		t.Errorf("a report asks databases:\n%s", out)
	}
}
