package stall_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/stall"
)

// dribble is a body whose bytes come one by one.
type dribble struct {
	io.Reader
	pause time.Duration
}

// Read waits first.
func (d dribble) Read(p []byte) (int, error) {
	time.Sleep(d.pause)
	return d.Reader.Read(p[:1])
}

func TestTransport(t *testing.T) {
	t.Parallel()
	const after = 300 * time.Millisecond
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/silent":
			<-r.Context().Done()
		case "/stuck":
			_, _ = io.WriteString(w, "some")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/slow":
			for range 8 {
				_, _ = io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(after / 4)
			}
		}
	}))
	t.Cleanup(server.Close)
	client := &http.Client{Transport: &stall.Transport{Base: http.DefaultTransport, After: after}}
	for _, tt := range []struct {
		path string
		body io.Reader
		want error
	}{
		{"/ok", nil, nil},
		{"/slow", nil, nil},
		{"/ok", dribble{strings.NewReader("12345678"), after / 4}, nil}, // longer than the limit in all, but it moves
		{"/silent", nil, stall.Err},
		{"/stuck", nil, stall.Err},
		{"/silent", strings.NewReader("x"), stall.Err},
	} {
		err := func() error {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+tt.path, tt.body)
			if err != nil {
				return err
			}
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			_, err = io.ReadAll(resp.Body)
			return errors.Join(err, resp.Body.Close())
		}()
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.path, err, tt.want)
		}
	}
}
