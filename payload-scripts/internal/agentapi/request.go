// Package agentapi asks a product's REST API for its agents, as the manifest describes it. It trusts no single answer: lists
// are read to their end, and what does not answer for a moment is asked again, with the pause that it wants.
// It holds one item of a list at a time, and makes fewer than 100 requests a second.
package agentapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"onerpm/internal/manifest"
)

const (
	callTimeout = 60 * time.Second
	// gap is the least time from one request to the next: the product serves others too.
	gap = 12500 * time.Microsecond
	// connections are how many requests are under way at a time.
	connections = 8
)

// API is the product's REST API, as the manifest describes it.
type API struct {
	Spec     *manifest.Agents
	headers  http.Header
	client   *http.Client
	pace     pace
	Patience Patience
}

// New makes the API of a spec; the headers are part of each request.
func New(spec *manifest.Agents, headers http.Header) *API {
	return &API{Spec: spec, headers: headers, Patience: patient, client: &http.Client{
		Timeout:       callTimeout,
		Transport:     &http.Transport{Proxy: nil, MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// pace keeps requests apart.
type pace struct {
	mu   sync.Mutex
	next time.Time
}

func (p *pace) wait(ctx context.Context) error {
	p.mu.Lock()
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	after := p.next.Sub(now)
	p.next = p.next.Add(gap)
	p.mu.Unlock()
	return Pause(ctx, after)
}

// statusError is an answer that is not a success. It holds what the product says, not what it was asked.
type statusError struct {
	what, said string
	status     int
	after      time.Duration // the pause that the product wants; 0 when it names none
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s: status %d: %s", e.what, e.status, e.said)
}

// StatusOf is the status of an answer that is not a success; 0 when there was no answer.
func StatusOf(err error) int {
	if s, is := errors.AsType[*statusError](err); is {
		return s.status
	}
	return 0
}

// PauseOf is the pause that the product wants before it is asked again; 0 when it names none.
func PauseOf(err error) time.Duration {
	if s, is := errors.AsType[*statusError](err); is {
		return s.after
	}
	return 0
}

// Refused tells whether an error is the product's no, which the same question would get again.
func Refused(err error) bool {
	status := StatusOf(err)
	return status >= 400 && status < 500 && status != http.StatusTooManyRequests
}

// Locked tells whether the product does not let us in.
func Locked(err error) bool {
	return StatusOf(err) == http.StatusUnauthorized || StatusOf(err) == http.StatusForbidden
}

// NotBegun tells whether a question surely did not reach what would have answered it: it may be asked again.
func NotBegun(err error) bool {
	var op *net.OpError
	status := StatusOf(err)
	return status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests ||
		errors.As(err, &op) && op.Op == "dial"
}

// unreadableError says that the product did what it was asked to, and that its answer cannot be read.
type unreadableError struct {
	what string
	err  error
}

func (e *unreadableError) Error() string {
	return fmt.Sprintf("%s: read the answer: %v", e.what, e.err)
}

func (e *unreadableError) Unwrap() error { return e.err }

// CutOff tells whether a question got no answer because who had it went away: what came of it shows in a moment.
func CutOff(err error) bool {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return false // it may still be at it
	}
	if _, taken := errors.AsType[*unreadableError](err); taken {
		return false
	}
	return StatusOf(err) == 0 || StatusOf(err) == http.StatusBadGateway
}

// ask makes one request for a tenant ("" for none); read is given the answer of a success.
func (a *API) ask(ctx context.Context, method, tenant, path string, body []byte, read func(*json.Decoder) error) error {
	address := strings.TrimSuffix(a.Spec.API, "/") + "/" + strings.TrimPrefix(path, "/")
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = a.headers.Clone()
	if tenant != "" {
		req.Header.Set(a.Spec.Tenants.Header, tenant)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if err := a.pace.wait(ctx); err != nil {
		return err
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	what := method + " " + req.URL.Path
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		const shown = 300
		said, _ := io.ReadAll(io.LimitReader(resp.Body, shown)) // what there is of it
		return &statusError{what: what, status: resp.StatusCode, said: strings.TrimSpace(string(said)), after: retryAfter(resp.Header)}
	}
	if err := read(decoderOf(resp.Body)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return &unreadableError{what, err}
	}
	const rest = 64 << 10
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, rest)) // so that the connection can be used again
	return nil
}

// retryAfter reads a header of RFC 9110: seconds, or a time.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
