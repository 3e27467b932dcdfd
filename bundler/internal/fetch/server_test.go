package fetch_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// webServer is a real HTTP server on loopback that misbehaves as told.
type webServer struct {
	*httptest.Server
	mu       sync.Mutex
	files    map[string][]byte // by last part of the path
	requests []string          // "GET /x.rpm" or "GET /x.rpm bytes=5-"
	sent     int               // bytes of bodies
	// fault answers request n (from 1) for itself, or returns false for the right answer.
	fault func(n int, w http.ResponseWriter, r *http.Request) bool
}

func serve(t testing.TB, list ...pkg) *webServer {
	t.Helper()
	s := &webServer{files: map[string][]byte{}}
	for _, p := range list {
		s.files[p.item.FileName()] = p.data
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

// ServeHTTP answers.
func (s *webServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, strings.TrimSpace("GET "+r.URL.Path+" "+r.Header.Get("Range")))
	n, fault := len(s.requests), s.fault
	data, ok := s.files[path.Base(r.URL.Path)]
	s.mu.Unlock()
	if strings.Contains(r.URL.EscapedPath(), "+") { // S3 takes a plus that is not escaped for a space
		http.NotFound(w, r)
		return
	}
	if fault != nil && fault(n, w, r) {
		return
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", strconv.Quote(fmt.Sprintf("%p", data)))
	http.ServeContent(&counting{w, s}, r, "", time.Time{}, bytes.NewReader(data))
}

// behave sets fault while the server runs.
func (s *webServer) behave(fault func(n int, w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func (s *webServer) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

type counting struct {
	http.ResponseWriter
	s *webServer
}

// Write counts what is sent.
func (c *counting) Write(p []byte) (int, error) {
	c.s.mu.Lock()
	c.s.sent += len(p)
	c.s.mu.Unlock()
	return c.ResponseWriter.Write(p)
}

// cutting sends at most n bytes of what is asked for, then cuts the connection.
func cutting(data []byte, n int, w http.ResponseWriter, r *http.Request) {
	start := 0
	_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &start)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)-start))
	if start > 0 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(data)-1, len(data)))
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = w.Write(data[start:min(start+n, len(data))])
	if start+n >= len(data) {
		return
	}
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}
