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

// answer is how long a question took.
type answer struct {
	at   time.Time
	took time.Duration
	url  int
}

type answers []answer

// askAll asks the URLs in turn, one question at a time, and returns those that were answered.
func askAll(ctx context.Context, client *http.Client, urls []string) (all answers) {
	for n := 0; ; n++ {
		at := time.Now()
		if outside.Ask(ctx, client, urls[n%len(urls)]) {
			all = append(all, answer{at, time.Since(at), n % len(urls)})
		}
		select {
		case <-ctx.Done():
			return all
		case <-time.After(rest):
		}
	}
}

// median is that of the answers of one URL to questions that were asked in a time; 0 when there were none.
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
