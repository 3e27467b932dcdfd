package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"onerpm/bundler/internal/percent"
	"onerpm/bundler/internal/stall"
)

// httpClient is an HTTP client whose requests end when nothing arrives for a
// while. A download as a whole has no time limit.
type httpClient struct {
	http.Client
	transport *http.Transport
	stall     time.Duration
}

func newHTTPClient(after time.Duration) *httpClient {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: min(after, 10*time.Second)}).DialContext,
		TLSHandshakeTimeout:   min(after, 10*time.Second),
		ResponseHeaderTimeout: after,
		IdleConnTimeout:       time.Minute,
		MaxIdleConnsPerHost:   16,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true, // digests are of the bytes as they are sent
	}
	return &httpClient{http.Client{Transport: t, CheckRedirect: redirect}, t, after}
}

// statusError is an answer that is not the content.
type statusError struct {
	code       int           // HTTP status
	retryAfter time.Duration // what the server asks for; 0 for nothing
	detail     string        // the server's own words; "" for none
}

func (e *statusError) Error() string {
	s := fmt.Sprintf("the server answers %d %s", e.code, http.StatusText(e.code))
	if e.detail != "" {
		s += ": " + e.detail
	}
	return s
}

// httpPlace is a URL.
type httpPlace struct {
	client *httpClient
	url    *url.URL
}

// join takes rel escaped or not: repositories write both. A plus is escaped: S3 takes a bare one for a space.
func (p httpPlace) join(rel string) place {
	if raw, err := url.PathUnescape(rel); err == nil {
		rel = raw
	}
	return httpPlace{p.client, p.url.JoinPath(percent.Path(rel))}
}

func (p httpPlace) name() string   { return path.Base(p.url.Path) }
func (p httpPlace) host() string   { return p.url.Host }
func (p httpPlace) String() string { return plain(p.url) }

func (p httpPlace) open(ctx context.Context, offset int64, tag string) (*content, error) {
	ctx, watch := stall.New(ctx, p.client.stall)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url.String(), nil)
	if err != nil {
		watch.Stop()
		return nil, err
	}
	if offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
		if tag != "" {
			req.Header.Set("If-Match", tag)
		}
	}
	resp, err := p.client.Do(req) //nolint:bodyclose // it is closed with the content that it becomes
	if err != nil {
		watch.Stop()
		return nil, watch.Cause(withoutURL(err))
	}
	c := &content{body: watch.Body(resp.Body), size: -1}
	if tag := resp.Header.Get("ETag"); !strings.HasPrefix(tag, "W/") {
		c.tag = tag
	}
	if err := p.accept(c, resp, offset); err != nil {
		_ = c.body.Close()
		return nil, err
	}
	return c, nil
}

// accept sets which bytes of the file an answer has.
func (p httpPlace) accept(c *content, resp *http.Response, offset int64) error {
	switch {
	case resp.StatusCode == http.StatusOK:
		c.size = resp.ContentLength
		return nil
	case resp.StatusCode == http.StatusPartialContent && offset > 0:
		return c.setRange(resp.Header.Get("Content-Range"), offset)
	}
	e := &statusError{code: resp.StatusCode}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		e.retryAfter = time.Duration(min(s, 60)) * time.Second
	}
	return e
}

// errRange is an answer with other bytes than were asked for.
var errRange = errors.New("the server answers with another part of the file than it was asked for")

// setRange reads a Content-Range such as "bytes 5-9/10", which must begin at offset.
func (c *content) setRange(s string, offset int64) error {
	var first, last int64
	var size string
	if _, err := fmt.Sscanf(s, "bytes %d-%d/%s", &first, &last, &size); err != nil || first != offset || last < first {
		return errRange
	}
	c.start = first
	if n, err := strconv.ParseInt(size, 10, 64); err == nil {
		c.size = n
	}
	return nil
}

// withoutURL takes the URL out of an error of net/http: it may hold a secret, and the place is named anyway.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
