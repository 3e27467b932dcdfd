package command

import (
	"context"
	"strings"
	"testing"
	"time"

	"onerpm/payload-scripts/internal/journal"
)

// TestIdle: systemd starts an engine that was killed again after a moment, so one look is not enough.
func TestIdle(t *testing.T) {
	t.Parallel()
	at := begun
	for name, c := range map[string]struct {
		answers string // of systemd, one for each look: s stalled, - at work
		want    int    // the look that ends the wait, from 1; 0 for none
	}{
		"at work":               {"--------", 0},
		"stalled":               {"ssssssss", 4},
		"between two starts":    {"ss-ss-ss", 0},
		"stalled after a while": {"--ssssss", 6},
	} {
		looks := 0
		i := &idle{stalled: func(context.Context) string {
			looks++
			if c.answers[looks-1] == 's' {
				return "why"
			}
			return ""
		}}
		got := 0
		for n := range len(c.answers) {
			now := at.Add(time.Duration(n) * idleLook)
			if why := i.why(t.Context(), now); why == "why" && got == 0 {
				got = n + 1
			}
			if i.why(t.Context(), now.Add(idleLook/2)); looks != n+1 {
				t.Fatalf("%s: systemd was asked %d times, want %d", name, looks, n+1)
			}
		}
		if got != c.want {
			t.Errorf("%s: ended at look %d, want %d", name, got, c.want)
		}
	}
}

// TestStalledReport tells what to do, and no outcome that is not there.
func TestStalledReport(t *testing.T) {
	t.Parallel()
	w := anotherWorld(t)
	a := w.attempt("4.2.0-1-x", func(r *journal.Record) { r.Phase = journal.Switching })
	var out strings.Builder
	e := &env{out: &out, err: &out, bundle: w.bundle}
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
