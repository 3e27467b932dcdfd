package attempt

import (
	"context"
	"testing"
	"time"
)

// TestWatch: systemd starts an engine that was killed again after a moment, so one look is not enough.
func TestWatch(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
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
		w := &Watch{stalled: func(context.Context) string {
			looks++
			if c.answers[looks-1] == 's' {
				return "why"
			}
			return ""
		}}
		got := 0
		for n := range len(c.answers) {
			now := at.Add(time.Duration(n) * lookEvery)
			if why := w.Why(t.Context(), now); why == "why" && got == 0 {
				got = n + 1
			}
			if w.Why(t.Context(), now.Add(lookEvery/2)); looks != n+1 {
				t.Fatalf("%s: systemd was asked %d times, want %d", name, looks, n+1)
			}
		}
		if got != c.want {
			t.Errorf("%s: ended at look %d, want %d", name, got, c.want)
		}
	}
}
