package main

import (
	"strings"
	"testing"
	"time"

	"onerpm/test/bench/internal/outside"
)

// The median of each way's rounds is told, with its own other figures, beside the shortest and the longest.
func TestMarkdown(t *testing.T) {
	t.Parallel()
	one := func(rows int, way string, window time.Duration, failed int) result {
		return result{rows: rows, way: way, window: outside.Gap{Length: window, Failed: failed}, total: 5 * time.Second}
	}
	got := markdown([]result{
		one(1000, "the bundle of before", 4*time.Second, 4), one(1000, "the bundle", 3*time.Second, 3),
		one(1000, "the bundle of before", 2*time.Second, 2), one(1000, "the bundle", 1*time.Second, 1),
		one(1000, "the bundle of before", 3*time.Second, 7), one(1000, "the bundle", 2*time.Second, 2),
		one(9, "the bundle", 9*time.Second, 9),
	})
	for _, want := range []string{
		"Of 3 rounds, in which the ways take turns",
		"\n| 1000 | the bundle of before | 3.0 s | 2.0 to 4.0 s | 7 | - | - | 5 s |\n| 1000 | the bundle | 2.0 s | 1.0 to 3.0 s | 2 | - | - | 5 s |\n| 9 | the bundle | 9.0 s | 9.0 to 9.0 s | 9 | - | - | 5 s |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the table lacks %q:\n%s", want, got)
		}
	}
	if alone := markdown([]result{one(1, "by hand", time.Second, 1)}); !strings.Contains(alone, "One round.") {
		t.Errorf("one round: %s", alone)
	}
}
