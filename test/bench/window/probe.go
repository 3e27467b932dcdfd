package main

import (
	"context"
	"io"
	"net/http"
	"time"

	"onerpm/test/host"
)

// question is what a client asks through the door.
const question = "http://127.0.0.1/api/v3.1/version"

// every is the time between two questions.
const every = 50 * time.Millisecond

// gap is the time between the last answer before and the first answer after
// the longest time without one.
type gap struct {
	length time.Duration
	failed int // questions without an answer in all
}

// measure runs a script in the machine while it asks, and returns how long the
// script took and the longest time without an answer.
func measure(ctx context.Context, m *host.Machine, script string) (time.Duration, gap, error) {
	probing, stop := context.WithCancel(ctx)
	found := make(chan gap, 1)
	go func() { found <- probe(probing, m.HTTP()) }()
	time.Sleep(time.Second) // the old release has answered before anything begins
	began := time.Now()
	_, err := sh(ctx, m, script)
	took := time.Since(began)
	time.Sleep(2 * time.Second)
	stop()
	return took, <-found, err
}

func probe(ctx context.Context, client *http.Client) gap {
	var g gap
	last := time.Now()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return g
		case <-tick.C:
		}
		if !ask(ctx, client) {
			if ctx.Err() == nil {
				g.failed++
			}
			continue
		}
		now := time.Now()
		g.length = max(g.length, now.Sub(last))
		last = now
	}
}

func ask(ctx context.Context, client *http.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, question, nil)
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
