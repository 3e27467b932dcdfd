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
	a := w.attempt("4.2.0-1-x", func(r *journal.Record) { r.Phase, r.Closed = journal.Switching, begun })
	var out strings.Builder
	e := newEnv(w.bundle, &out, &out)
	rec, err := journal.Read(a.Var)
	if err != nil {
		t.Fatal(err)
	}
	if code := e.stalled(a, rec, "p.service is failed (exit-code)"); code != exitNeedsPerson {
		t.Errorf("exit %d", code)
	}
	for _, want := range []string{"Product is DOWN since ", "nothing works on its upgrade any more\ncause: p.service is failed (exit-code)\ndo:    ", "run `p start`: it goes on, back to 4.1.1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it is not said %q:\n%s", want, out.String())
		}
	}
}
