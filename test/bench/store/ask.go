package main

import (
	"context"
	"net/http"
	"slices"
	"time"

	"onerpm/test/bench/internal/outside"
)

// rest is how long a user waits between two questions.
const rest = 100 * time.Millisecond

// answer is how long a question took; without an answer, as long as the client waits for one.
type answer struct {
	at   time.Time
	took time.Duration
	url  int
}

type answers []answer

// askAll asks the URLs in turn, one question at a time, until ctx ends.
func askAll(ctx context.Context, client *http.Client, urls []string) (all answers) {
	for n := 0; ; n++ {
		at := time.Now()
		took := outside.Patience
		if outside.Ask(ctx, client, urls[n%len(urls)]) {
			took = time.Since(at)
		}
		all = append(all, answer{at, took, n % len(urls)})
		select {
		case <-ctx.Done():
			return all
		case <-time.After(rest):
		}
	}
}

// median is that of the answers of one URL to questions that were asked in a time; 0 when none were.
func (a answers) median(url int, from, to time.Time) time.Duration {
	var times []time.Duration
	for _, one := range a {
		if one.url == url && !one.at.Before(from) && one.at.Before(to) {
			times = append(times, one.took)
		}
	}
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[len(times)/2]
}
