// Package elastic reads an Elasticsearch 1.x over plain HTTP. It promises that what it reads
// is whole: every shard answered, and as many documents came as were announced. It writes
// nothing; it only asks for what was written to be made visible (Refresh) and durable (Flush).
//
// Documents come one at a time and as they were written; no more than one of them and a
// buffer is held here. The other side holds a page of them, whose size is chosen by what
// documents of that kind take.
package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxAnswer   = 32 << 20        // bytes of an answer that is no page of documents
	maxSaid     = 2 << 10         // bytes of an error that are shown
	stall       = 2 * time.Minute // without a byte of an answer
	readyLimit  = 3 * time.Minute // for the shards after a start
	readyPause  = 250 * time.Millisecond
	major       = "1."
	defaultPort = 9200
)

// Client asks one Elasticsearch. It is not safe for concurrent use.
type Client struct {
	base string
	http *http.Client

	// Pause, when set, is called between two pages with the time that the last one took, so
	// that others are served too. An error ends the reading.
	Pause func(ctx context.Context, took time.Duration) error

	sizes   map[string]Counters // by index, as they were asked for last
	sizesAt time.Time

	Patience time.Duration // how long Ready waits for shards; as long as they take after a start when 0
}

// New returns a client for an address; port 0 is the usual one.
func New(host string, port uint16) *Client {
	if port == 0 {
		port = defaultPort
	}
	return &Client{
		base: "http://" + net.JoinHostPort(host, strconv.Itoa(int(port))),
		http: &http.Client{
			Transport: &http.Transport{ // no proxy of the environment, and no compression: it costs the other side more than it saves
				DialContext:        (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
				DisableCompression: true, MaxIdleConnsPerHost: 2, ResponseHeaderTimeout: stall,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// String names the address.
func (c *Client) String() string { return "Elasticsearch at " + c.base }

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Error is an answer that tells of a failure.
type Error struct {
	Status int // of HTTP
	Said   string
}

func (e *Error) Error() string {
	return fmt.Sprintf("it answered %d: %s", e.Status, e.Said)
}

// Lost reports whether the other side did not answer, or not to the end, so that asking again
// later may help: it is being started, or was stopped.
func Lost(err error) bool {
	var said *Error
	if errors.As(err, &said) {
		return said.Status == http.StatusServiceUnavailable || said.Status == http.StatusNotFound // no master yet; a scroll that a restart ended
	}
	var network net.Error
	return !errors.Is(err, context.Canceled) && (errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errStalled) || errors.Is(err, ErrShards))
}

var (
	errStalled = errors.New("no more came")

	// ErrShards is an answer that is not of all shards.
	ErrShards = errors.New("not every shard answered")
	// ErrClosed is an index that is there and cannot be read.
	ErrClosed = errors.New("a closed index")
	// ErrVersion is an Elasticsearch that is none of 1.x.
	ErrVersion = errors.New("only 1.x is read")
)

// stream asks for an answer whose body the caller reads and closes.
func (c *Client) stream(ctx context.Context, method, path string, query url.Values, body string) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp, err := c.http.Do(req) //nolint:bodyclose // watched closes it
	if err != nil {
		err = ended(ctx, err)
		cancel(nil)
		return nil, err
	}
	answer := &watched{body: resp.Body, ctx: ctx, cancel: cancel}
	if resp.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Close() //nolint:errcheck // it was only read
	said, _ := io.ReadAll(io.LimitReader(answer, maxSaid))
	return nil, &Error{Status: resp.StatusCode, Said: reason(said)}
}

// reason takes the text out of an error.
func reason(said []byte) string {
	var e struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(said, &e) == nil && e.Error != "" {
		said = []byte(e.Error)
	}
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(said), "?")), " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "..."
	}
	return text
}

// watched ends a body that does not go on.
type watched struct {
	body   io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	late := time.AfterFunc(stall, func() { w.cancel(errStalled) })
	n, err := w.body.Read(p)
	late.Stop()
	if err != nil && err != io.EOF { //nolint:errorlint // a reader's own end
		err = ended(w.ctx, err)
	}
	return n, err
}

// ended returns why a request was ended, where it was: net/http may call it a connection that is closed.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// Close implements io.Closer.
func (w *watched) Close() error {
	err := w.body.Close()
	w.cancel(nil)
	return err
}

// requestJSON makes a request and decodes the whole answer.
func (c *Client) requestJSON(ctx context.Context, method, path string, query url.Values, body string, into any) error {
	answer, err := c.stream(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer answer.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(answer, maxAnswer+1))
	if err != nil {
		return err
	}
	if len(data) > maxAnswer {
		return fmt.Errorf("an answer of more than %d MB", maxAnswer>>20)
	}
	if text, is := into.(*string); is {
		*text = string(data)
		return nil
	}
	return json.Unmarshal(data, into)
}

// wrap says what was being done.
func (c *Client) wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s of %s: %w", what, c, err)
}

// escape makes one part of a URL's path.
func escape(name string) string { return url.PathEscape(name) }
