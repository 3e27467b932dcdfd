// Package fault stands between a program and an S3 server, and breaks things
// between them as networks and servers do: errors, slowness, connections cut in
// the middle of a request or an answer, bytes that flip.
package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"

	"onerpm/test/s3server"
)

// Fault is something that goes wrong with requests.
type Fault struct {
	Match func(*http.Request) bool // which requests; nil for all
	Skip  int                      // matching requests to let pass first
	Times int                      // how many go wrong then; 0 for all
	Do    Action
}

// Action is what happens to a request.
type Action func(p *Proxy, w http.ResponseWriter, r *http.Request)

// Proxy is an S3 server that can be broken. It may be used by many at once.
type Proxy struct {
	*s3server.Server // its Endpoint is the proxy's, so Env, Config and Client are too
	upstream         *httputil.ReverseProxy

	mu       sync.Mutex
	faults   []*Fault
	requests []string
}

// Start puts a proxy before a server. It is gone when the test ends.
func Start(t testing.TB, s *s3server.Server) *Proxy {
	t.Helper()
	target, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{}
	p.upstream = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.Host = r.In.Host // it is signed
		},
		Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
		FlushInterval: -1,
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // a cut is a cut
	}
	front := httptest.NewServer(p)
	t.Cleanup(front.Close)
	t.Cleanup(front.CloseClientConnections) // goes first
	broken := *s
	broken.Endpoint = front.URL
	p.Server = &broken
	return p
}

// Config are options for a client that comes through the proxy.
func (p *Proxy) Config() []func(*config.LoadOptions) error { return p.Server.Config() }

// Break adds a fault. When several match a request, the one added first is taken.
func (p *Proxy) Break(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, &f)
}

// Heal takes all faults away and forgets the requests.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults, p.requests = nil, nil
}

// Requests counts those that came since the start or the last Heal, as the method, the path and the query
// contain all of what is given.
func (p *Proxy) Requests(contains ...string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
next:
	for _, line := range p.requests {
		for _, c := range contains {
			if !strings.Contains(line, c) {
				continue next
			}
		}
		n++
	}
	return n
}

// ServeHTTP passes a request on, or breaks it.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if do := p.pick(r); do != nil {
		do(p, w, r)
		return
	}
	p.upstream.ServeHTTP(w, r)
}

func (p *Proxy) pick(r *http.Request) Action {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, r.Method+" "+r.URL.RequestURI())
	for _, f := range p.faults {
		if f.Match != nil && !f.Match(r) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		switch {
		case f.Times < 0: // used up
			continue
		case f.Times == 1:
			f.Times = -1
		case f.Times > 1:
			f.Times--
		}
		return f.Do
	}
	return nil
}

// On matches requests by their method ("" for any) and what their path and query contain.
func On(method string, contains ...string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		for _, c := range contains {
			if !strings.Contains(r.URL.RequestURI(), c) {
				return false
			}
		}
		return method == "" || r.Method == method
	}
}

// Answer gives an error as S3 does, such as 503 SlowDown, in place of the server.
func Answer(status int, code string) Action {
	return func(_ *Proxy, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			_, _ = fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>injected</Message></Error>", code)
		}
	}
}

// IgnoreConditions has the server do what it is asked, whatever was to hold for it, as some S3-compatible stores do.
func IgnoreConditions() Action {
	return func(p *Proxy, w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"If-Match", "If-None-Match", "Authorization"} {
			r.Header.Del(name)
		}
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		who := aws.Credentials{AccessKeyID: p.AccessKey, SecretAccessKey: p.SecretKey}
		if err := signer.SignHTTP(r.Context(), who, r, r.Header.Get("X-Amz-Content-Sha256"), "s3", p.Region, time.Now()); err != nil {
			panic(err)
		}
		p.upstream.ServeHTTP(w, r)
	}
}

// Conditional matches requests that do something only when a condition holds.
func Conditional(r *http.Request) bool {
	return r.Header.Get("If-Match") != "" || r.Header.Get("If-None-Match") != ""
}

// Delay waits before the request is passed on.
func Delay(d time.Duration) Action {
	return func(p *Proxy, w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(d):
			p.upstream.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// Hang takes the request and never answers.
func Hang() Action {
	return func(_ *Proxy, _ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

// Drop ends the connection without an answer; the server never hears of the request.
func Drop() Action {
	return func(*Proxy, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
}

// CutRequest cuts both connections after n bytes of the request's body.
func CutRequest(n int64) Action {
	return func(p *Proxy, w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = &cut{r: r.Body, left: n, end: cancel}
		p.upstream.ServeHTTP(w, r)
		panic(http.ErrAbortHandler)
	}
}

// CutAnswer has the server do what it is asked, and cuts the connection after n bytes of its answer's body, but always
// before its end. With a negative n nothing of the answer arrives.
func CutAnswer(n int64) Action {
	return func(p *Proxy, w http.ResponseWriter, r *http.Request) {
		if n < 0 {
			p.upstream.ServeHTTP(&nowhere{http.Header{}}, r)
			panic(http.ErrAbortHandler)
		}
		p.upstream.ServeHTTP(&cutWriter{w, n}, r)
		panic(http.ErrAbortHandler)
	}
}

// FlipRequest changes the byte at offset n of the request's body.
func FlipRequest(n int64) Action {
	return func(p *Proxy, w http.ResponseWriter, r *http.Request) {
		r.Body = &flip{r: r.Body, left: n}
		p.upstream.ServeHTTP(w, r)
	}
}

// FlipAnswer changes the byte at offset n of the answer's body.
func FlipAnswer(n int64) Action {
	return func(p *Proxy, w http.ResponseWriter, r *http.Request) {
		p.upstream.ServeHTTP(&flipWriter{w, n}, r)
	}
}

var errCut = errors.New("cut")

type cut struct {
	r    io.ReadCloser
	left int64
	end  func()
}

// Read reads until the cut.
func (c *cut) Read(p []byte) (int, error) {
	if c.left <= 0 {
		c.end()
		return 0, errCut
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// Close closes.
func (c *cut) Close() error { return c.r.Close() }

type flip struct {
	r    io.ReadCloser
	left int64
}

// Read reads, and changes one byte.
func (f *flip) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	flipIn(p[:n], &f.left)
	return n, err
}

// Close closes.
func (f *flip) Close() error { return f.r.Close() }

func flipIn(p []byte, left *int64) {
	if *left >= 0 && *left < int64(len(p)) {
		p[*left] ^= 0x20
	}
	*left -= int64(len(p))
}

// nowhere takes an answer that nobody gets.
type nowhere struct{ header http.Header }

// Header is nobody's.
func (n *nowhere) Header() http.Header { return n.header }

// Write drops p.
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader does nothing.
func (n *nowhere) WriteHeader(int) {}

type cutWriter struct {
	http.ResponseWriter
	left int64
}

// Write writes until the cut.
func (c *cutWriter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(int64(len(p)), c.left)])
	if f, ok := c.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
	if c.left -= int64(n); err == nil && n < len(p) {
		err = errCut
	}
	return n, err
}

type flipWriter struct {
	http.ResponseWriter
	left int64
}

// Write writes, with one byte changed.
func (f *flipWriter) Write(p []byte) (int, error) {
	q := append([]byte(nil), p...)
	flipIn(q, &f.left)
	return f.ResponseWriter.Write(q)
}
