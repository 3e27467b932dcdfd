package agent

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/payload-scripts/internal/agentapi"
)

// hasty is patience for tests.
var hasty = agentapi.Patience{
	Away: 1500 * time.Millisecond, First: 10 * time.Millisecond, Last: 50 * time.Millisecond, Server: 100 * time.Millisecond,
	Lag: 200 * time.Millisecond, Lost: time.Second, Look: 10 * time.Millisecond,
}

// hurry is Run by a hasty one.
func hurry(t *testing.T, p *product, dir string) Record {
	t.Helper()
	r := hastyRunner(t, p, dir)
	rec, err := r.end(t.Context(), r.run(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func hastyRunner(t *testing.T, p *product, dir string) *runner {
	t.Helper()
	rec, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{api: agentapi.New(p.whole(), headers), book: &book{dir: dir, rec: rec}}
	r.api.Patience = hasty
	return r
}

func wantAskedOnce(t *testing.T, p *product) {
	t.Helper()
	for g, n := range p.asked() {
		if n != 1 {
			t.Errorf("%s was asked %d times", g, n)
		}
	}
}

// TestAskedAgain: an answer that says nothing about a group, once to every third request of its kind, stops nobody.
func TestAskedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path string
		answer       func(w http.ResponseWriter)
		after        bool // the product has done what it was asked to
	}{
		"busy, to a question":        {"POST", "/works", status(503, ""), false},
		"busy, after all":            {"POST", "/works", status(503, ""), true},
		"too many questions":         {"POST", "/works", status(429, "1"), false},
		"gateway, to a question":     {"POST", "/works", status(502, ""), false},
		"gateway, after all":         {"POST", "/works", status(502, ""), true},
		"slow gateway, after all":    {"POST", "/works", status(504, ""), true},
		"failed, after all":          {"POST", "/works", status(500, ""), true},
		"no answer, after all":       {"POST", "/works", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, true},
		"no answer":                  {"POST", "/works", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, false},
		"not found, to a question":   {"POST", "/works", status(404, ""), false},
		"busy, to a look":            {"GET", "/works/", status(503, "1"), false},
		"not found, to a look":       {"GET", "/works/", status(404, ""), false},
		"busy, to a list":            {"GET", "/instances", status(503, ""), false},
		"not found, to a list":       {"GET", "/instances", status(404, ""), false},
		"half an answer":             {"GET", "/instances", func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"items": [{"group": "x"`)) }, false},
		"no list of tenants":         {"GET", "/tenants", status(503, "Wed, 21 Oct 2015 07:28:00 GMT"), false},
		"no list of a group's works": {"GET", "/works", status(500, ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProduct(t, 2, 8, 2)
			var n atomic.Int64
			p.before(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				path := strings.TrimPrefix(r.URL.Path, "/v1")
				if strings.HasSuffix(c.path, "/") {
					path = path[:strings.LastIndex(path, "/")+1]
				}
				if r.Method != c.method || path != c.path || n.Add(1)%3 != 1 {
					next(w, r)
					return
				}
				if c.after {
					next(httptest.NewRecorder(), r)
				}
				c.answer(w)
			})
			wantUpgraded(t, hurry(t, p, start(t)), 8, 16)
			wantAskedOnce(t, p)
			if n.Load() < 2 {
				t.Errorf("%d requests of that kind", n.Load())
			}
		})
	}
}

// TestUnreadable: a success whose answer cannot be read was taken. Its work is looked for, and the question is not asked again, also where no work shows.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(w http.ResponseWriter){
		"nothing": func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) },
		"empty":   func(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) },
		"no id":   func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"status": "started"}`)) },
		"no JSON": func(w http.ResponseWriter) { _, _ = w.Write([]byte(`taken`)) },
		"half":    func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"id": "w`)) },
		"cut off": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"id": "w1"`))
		},
	} {
		for _, shows := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, shows: %v", name, shows), func(t *testing.T) {
				t.Parallel()
				p := newProduct(t, 1, 2, 1)
				var asked atomic.Int64
				p.before(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
					if r.Method != http.MethodPost {
						next(w, r)
						return
					}
					if asked.Add(1); shows {
						next(httptest.NewRecorder(), r)
					}
					answer(w)
				})
				rec := hurry(t, p, start(t))
				if shows {
					wantUpgraded(t, rec, 2, 2)
				} else if rec.State != Stopped || !strings.Contains(rec.Why, "the canary failed") || !strings.Contains(rec.Why, "read the answer") || asked.Load() != 1 {
					t.Errorf("%s, asked %d times: %s", rec.State, asked.Load(), rec.Why)
				}
				wantAskedOnce(t, p)
			})
		}
	}
}

func status(code int, after string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		http.Error(w, "not now", code)
	}
}

// TestAway stops when the product does not answer any more, and says so; no group has failed by it, and none is asked twice.
func TestAway(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 6, 1)
	var away atomic.Bool
	p.onAsk = func(n int) { away.Store(n == 3) }
	p.before(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		if away.Load() && !strings.Contains(r.URL.Path, "/works/") {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		next(w, r)
	})
	dir := start(t)
	rec := hurry(t, p, dir)
	if failed, _ := rec.Count(Failed); rec.State != Stopped || failed > 0 || !strings.Contains(rec.Why, "does not answer") || !strings.Contains(rec.Why, "see that it is up") {
		t.Errorf("%s, %d failed: %s", rec.State, failed, rec.Why)
	}
	away.Store(false)
	wantUpgraded(t, hurry(t, p, dir), 6, 6)
	wantAskedOnce(t, p)
}
