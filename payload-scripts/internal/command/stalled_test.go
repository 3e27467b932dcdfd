package command

import (
	"strings"
	"testing"

	"onerpm/payload-scripts/internal/journal"
)

// TestStalledReport tells what to do, and no outcome that is not there.
func TestStalledReport(t *testing.T) {
	t.Parallel()
	w := anotherWorld(t)
	a := w.attempt("4.2.0-1-x", func(r *journal.Record) { r.Phase = journal.Switching })
	var out strings.Builder
	e := newEnv(w.bundle, &out, &out)
	rec, err := journal.Read(a.Var)
	if err != nil {
		t.Fatal(err)
	}
	if code := e.stalled(a, rec, "p.service is failed (exit-code)"); code != exitNeedsPerson {
		t.Errorf("exit %d", code)
	}
	for _, want := range []string{"not under way: phase switch", "p.service is failed (exit-code)", "run `p start`"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it is not said %q:\n%s", want, out.String())
		}
	}
}
