package view

import (
	"testing"
	"time"

	"onerpm/payload-scripts/internal/journal"
)

func TestWaited(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]*journal.Clients{
		"": nil,
		"; 3 connections waited, the longest for 1.5s": {Taken: 3, Longest: 1500 * time.Millisecond},
		"; 9 connections waited, the longest for 2s, 1 were ended by their clients, 2 were turned away after the longest wait, 3 could not be passed on, 4 were told to come back": {
			Taken: 9, Left: 1, TimedOut: 2, Failed: 3, Answered: 4, Longest: 2 * time.Second,
		},
	} {
		if got := waited(c); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := waited(&journal.Clients{}); got != "" {
		t.Errorf("nobody waited: %q", got)
	}
}
