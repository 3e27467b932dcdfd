// Package outside measures how a service looks to a client that asks it all the time.
package outside

import (
	"context"
	"io"
	"net/http"
	"time"
)

// every is the time between two questions.
const every = 50 * time.Millisecond

// Gap is the time between the last answer before and the first answer after
// the longest time without one.
type Gap struct {
	Length time.Duration
	Failed int // questions without an answer in all
}

// Measure runs work while it asks the URL, and returns how long the work took and the longest time without an answer.
func Measure(ctx context.Context, client *http.Client, url string, work func() error) (time.Duration, Gap, error) {
	probing, stop := context.WithCancel(ctx)
	found := make(chan Gap, 1)
	go func() { found <- probe(probing, client, url) }()
	time.Sleep(time.Second) // the old release has answered before anything begins
	began := time.Now()
	err := work()
	took := time.Since(began)
	time.Sleep(2 * time.Second)
	stop()
	return took, <-found, err
}

func probe(ctx context.Context, client *http.Client, url string) Gap {
	var g Gap
	last := time.Now()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return g
		case <-tick.C:
		}
		if !Ask(ctx, client, url) {
			if ctx.Err() == nil {
				g.Failed++
			}
			continue
		}
		now := time.Now()
		g.Length = max(g.Length, now.Sub(last))
		last = now
	}
}

// Patience is how long a client waits for an answer.
const Patience = time.Second

// Ask asks once, and tells whether it was answered well and soon.
func Ask(ctx context.Context, client *http.Client, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return err == nil && resp.StatusCode == http.StatusOK
}
