// Package stall ends HTTP requests that make no headway. A transfer as a whole
// has no time limit; one of which no byte moves for a while is over.
package stall

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// Err ends a connection on which nothing moves any more. It is a timeout for those who ask, as net.Error has it.
var Err error = stalled{}

type stalled struct{}

// Error says so.
func (stalled) Error() string { return "the server does not send or take anything any more" }

// Timeout is true.
func (stalled) Timeout() bool { return true }

// Temporary is true: another try may do.
func (stalled) Temporary() bool { return true }

// Watch cancels a context when reading makes no headway.
type Watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	after  time.Duration
}

// New returns a context for one request, which is over when nothing happens for that long, and its watch.
func New(ctx context.Context, after time.Duration) (context.Context, *Watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, &Watch{ctx, cancel, time.AfterFunc(after, func() { cancel(Err) }), after}
}

// Stop ends the watch and the request.
func (w *Watch) Stop() { w.timer.Stop(); w.cancel(nil) }

// Cause says what really ended the request that failed with err.
func (w *Watch) Cause(err error) error {
	if errors.Is(context.Cause(w.ctx), Err) {
		return Err
	}
	return err
}

// Body watches over an answer's body. Closing it stops the watch.
func (w *Watch) Body(r io.ReadCloser) io.ReadCloser {
	w.timer.Stop() // while nobody reads, nothing stalls
	return &body{w, r}
}

type body struct {
	w *Watch
	r io.ReadCloser
}

// Read reads, and gives up on a server that sends nothing.
func (b *body) Read(p []byte) (int, error) {
	b.w.timer.Reset(b.w.after)
	n, err := b.r.Read(p)
	b.w.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.w.Cause(err)
	}
	return n, err
}

// Close ends the request.
func (b *body) Close() error {
	b.w.Stop()
	return b.r.Close()
}

// Transport watches over each request, while it is sent as well as while it is answered.
type Transport struct {
	Base  http.RoundTripper
	After time.Duration
}

// RoundTrip is Base's.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, w := New(req.Context(), t.After)
	req = req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = &sent{req.Body, w}
	}
	resp, err := t.Base.RoundTrip(req)
	if err != nil {
		w.Stop()
		return nil, w.Cause(err)
	}
	resp.Body = w.Body(resp.Body)
	return resp, nil
}

// sent is a request's body: what is read of it is headway.
type sent struct {
	io.ReadCloser
	w *Watch
}

// Read reads.
func (s *sent) Read(p []byte) (int, error) {
	if s.w.timer.Stop() { // it runs: neither has it fired nor has the answer begun
		s.w.timer.Reset(s.w.after)
	}
	return s.ReadCloser.Read(p)
}
