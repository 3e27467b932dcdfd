package main

import (
	"strings"
	"testing"
	"time"
)

func TestMarkdown(t *testing.T) {
	t.Parallel()
	s := time.Second
	got := markdown([]result{
		{bundle: "the bundle", requests: 1000, longest: 3 * s / 2, window: s},
		{bundle: "the bundle", requests: 1100, failed: 1, longest: s, window: s / 2, lost: 2},
		{bundle: "the bundle", requests: 1200, longest: s, window: 4 * s / 5},
		{bundle: "the bundle of before", back: true, slow: true, requests: 10, failed: 7, refused: 6, errors: 1, longest: 6 * s, window: 5 * s},
	})
	for _, want := range []string{
		"| an upgrade by the bundle | quick | 3 | 3300 | 1 | 0 | 0 | 1.50 s | 0.80 s | 0.50 to 1.00 s | 0.50 s | 2 |\n",
		"| one that goes back, by the bundle of before | slow ones too | 1 | 10 | 7 | 6 | 1 | 6.00 s | 5.00 s | 5.00 to 5.00 s | 1.00 s | 0 |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nlacks %s", got, want)
		}
	}
}
