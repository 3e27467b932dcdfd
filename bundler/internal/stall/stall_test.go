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
	const (
		after = 300 * time.Millisecond // for what never comes
		slow  = 4 * time.Second        // for what comes, however busy the machine is
		pause = slow / 7
	)
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
				time.Sleep(pause)
			}
		}
	}))
	t.Cleanup(server.Close)
	for _, tt := range []struct {
		name  string
		path  string
		body  io.Reader
		after time.Duration
		want  error
	}{
		{"at once", "/ok", nil, slow, nil},
		{"slow answer", "/slow", nil, slow, nil}, // longer than the limit in all, but it moves
		{"slow request", "/ok", dribble{strings.NewReader("12345678"), pause}, slow, nil},
		{"no answer", "/silent", nil, after, stall.Err},
		{"half an answer", "/stuck", nil, after, stall.Err},
		{"no answer to a body", "/silent", strings.NewReader("x"), after, stall.Err},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := &http.Client{Transport: &stall.Transport{Base: http.DefaultTransport, After: tt.after}}
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
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}
