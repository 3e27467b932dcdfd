package agentapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestServersPause: the pause before a question is asked again is the server's own, as long as that is bounded.
func TestServersPause(t *testing.T) {
	t.Parallel()
	a := New(nil, nil)
	a.Patience.First, a.Patience.Server = 10*time.Millisecond, time.Hour
	for _, c := range []struct {
		after time.Duration
		want  bool // it is still waited for when the test has ended
	}{{0, false}, {time.Minute, true}, {2 * time.Hour, true}} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		err := a.Attempts().Wait(ctx, &statusError{status: http.StatusServiceUnavailable, after: c.after})
		if cancel(); errors.Is(err, ctx.Err()) != c.want || !c.want && err != nil {
			t.Errorf("after %s: %v", c.after, err)
		}
	}
	a.Patience.Away, a.Patience.Server = 50*time.Millisecond, 20*time.Millisecond
	endless := a.Attempts()
	for n := 0; ; n++ {
		err := endless.Wait(t.Context(), &statusError{status: http.StatusTooManyRequests, after: time.Hour})
		if away := new(AwayError); errors.As(err, &away) {
			break
		}
		if err != nil || n > 1000 {
			t.Fatal(n, err)
		}
	}
	for value, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "Wed, 21 Oct 2015 07:28:00 GMT": 0} {
		if got := retryAfter(http.Header{"Retry-After": {value}}); got != want {
			t.Errorf("%q is %s, want %s", value, got, want)
		}
	}
	if got := retryAfter(http.Header{"Retry-After": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}); got < 59*time.Minute || got > time.Hour {
		t.Errorf("in an hour is %s", got)
	}
}

// TestPace: requests that want to begin at the same time begin one after the other.
func TestPace(t *testing.T) {
	t.Parallel()
	var p pace
	began := time.Now()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { _ = p.wait(t.Context()) })
	}
	if all.Wait(); time.Since(began) < 19*gap {
		t.Errorf("20 requests in %s", time.Since(began))
	}
	if time.Second/gap >= 100 {
		t.Errorf("a request each %s are too many in a second", gap)
	}
}
