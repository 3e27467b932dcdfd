package certify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/test/need"
)

// door is a server that can keep its new clients waiting.
type door struct {
	*httptest.Server
	mu    sync.RWMutex
	conns sync.Map
	paths sync.Map    // "METHOD path" -> body, of what came whole
	fails atomic.Bool // with the server's error
}

// waiting is a listener whose connections wait while the door is shut.
type waiting struct {
	net.Listener
	d *door
}

func (w waiting) Accept() (net.Conn, error) {
	conn, err := w.Listener.Accept()
	w.d.mu.RLock()
	defer w.d.mu.RUnlock()
	return conn, err
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{}
	d.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.URL.Path == "/poll" {
			time.Sleep(300 * time.Millisecond)
		}
		d.paths.Store(r.Method+" "+r.URL.String(), r.Header.Get("Secret")+string(body))
		switch {
		case d.fails.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.Method == http.MethodPut:
			w.WriteHeader(http.StatusCreated)
		}
		fmt.Fprint(w, strings.Repeat("answer", 100))
	}))
	d.Config.ErrorLog = log.New(io.Discard, "", 0)
	d.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			d.conns.Delete(conn)
			return
		}
		d.conns.Store(conn, nil)
	}
	d.Listener = waiting{d.Listener, d}
	t.Cleanup(d.Close)
	return d
}

// stop ends all connections that there are, as a door that is stopped does in the end.
func (d *door) stop() {
	d.conns.Range(func(conn, _ any) bool {
		_ = conn.(net.Conn).Close()
		return true
	})
}

// crowdRun is a run on this machine, with clients of a door and an upgrade's report.
func crowdRun(t *testing.T, d *door, requests ...string) *run {
	t.Helper()
	need.Program(t, "python3")
	headers := filepath.Join(t.TempDir(), "headers")
	if err := os.WriteFile(headers, []byte("Secret: sesame\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := demo()
	dir, err := os.MkdirTemp("/var/tmp", "demo-*-certify")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	m.Prefix = strings.TrimSuffix(filepath.Base(dir), "-certify")
	_, port, _ := net.SplitHostPort(d.Listener.Addr().String())
	m.Services[3].Health = &manifest.Health{HTTP: d.URL + "/version?a=b", Headers: &manifest.Headers{File: headers}, Expect: manifest.Expect{Status: 200}}
	held, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	m.Services[3].Hold = []int{held}
	r := &run{machine: here, m: m}
	for i, text := range requests {
		q, err := readRequest(Check{Name: fmt.Sprintf("request%d.http", i)}, []byte(strings.ReplaceAll(text, "URL", d.URL)))
		if err != nil {
			t.Fatal(err)
		}
		r.checks.Requests = append(r.checks.Requests, q)
	}
	if err := os.MkdirAll(r.at("notes"), 0o700); err != nil {
		t.Fatal(err)
	}
	return r
}

// shutting is an upgrade that does something to a door once its clients are at work.
func shutting(do func()) func() error {
	return func() error {
		time.Sleep(1250 * time.Millisecond)
		do()
		time.Sleep(500 * time.Millisecond)
		return nil
	}
}

func (r *run) shutNow() {
	r.upgraded.Closed = time.Now().Truncate(time.Millisecond)
}

// Clients that wait are not turned away; only what was under way when the door was shut is cut off.
func TestClientsWait(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS %v", secure), func(t *testing.T) {
			t.Parallel()
			d := newDoor(t)
			if secure {
				d.StartTLS()
			} else {
				d.Start()
			}
			r := crowdRun(t, d, "PUT URL/upload/{n} HTTP/1.1\nTenant: one\n\nbody of {n}\n", "GET URL/poll HTTP/1.1\n")
			saw, err := r.withClients(t.Context(), shutting(func() {
				d.mu.Lock()
				defer d.mu.Unlock()
				r.shutNow()
				d.stop()
				time.Sleep(time.Second)
			}))
			if err != nil {
				t.Fatal(err)
			}
			if saw.Requests < 150 || saw.TurnedAway() != 0 || saw.Cut == 0 || saw.Cut > 18 || saw.Longest < 0.9 { // the 20 that keep connections see that they have none any more
				t.Errorf("they saw %s", saw)
			}
			if body, ok := d.paths.Load("GET /version?a=b"); !ok || body != "sesame" {
				t.Errorf("the question came with %q", body)
			}
			text, err := os.ReadFile(r.at("notes/request0.http"))
			numbers := strings.Fields(string(text))
			if err != nil || len(numbers) < 2 || len(slices.Compact(slices.Sorted(slices.Values(numbers)))) != len(numbers) {
				t.Errorf("acknowledged: %q, %v", numbers, err)
			}
			for _, n := range numbers {
				if body, _ := d.paths.Load("PUT /upload/" + n); body != "body of "+n+"\n" {
					t.Errorf("upload %s has the body %q", n, body)
				}
			}
			if _, ok := d.paths.Load("GET /poll"); !ok {
				t.Error("nobody polled")
			}
		})
	}
}

// A refused connection, an error of the server's and a connection that comes to nothing are faults of a door that has its clients wait.
func TestClientsTurnedAway(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		do    func(t *testing.T, r *run, d *door)
		fault string
	}{
		{"refused", func(t *testing.T, r *run, d *door) {
			at := d.Listener.Addr().String()
			_ = d.Listener.Close()
			d.stop()
			r.shutNow()
			time.Sleep(500 * time.Millisecond)
			l, err := (&net.ListenConfig{}).Listen(context.WithoutCancel(t.Context()), "tcp", at)
			if err != nil {
				t.Error(err)
				return
			}
			go d.Config.Serve(waiting{l, d})
		}, "Connection refused"},
		{"the server's error", func(_ *testing.T, r *run, d *door) {
			r.shutNow()
			for _, fails := range []bool{true, false} {
				d.fails.Store(fails)
				time.Sleep(500 * time.Millisecond)
			}
		}, `"503"`},
		{"taken and let go", func(_ *testing.T, r *run, d *door) {
			r.shutNow()
			time.Sleep(time.Second) // slow clients are there that came meanwhile
			d.stop()
			time.Sleep(400 * time.Millisecond) // and if all were between two requests
			d.stop()
		}, "of nginx"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDoor(t)
			d.Start()
			r := crowdRun(t, d)
			r.upgraded.Warnings = []string{"it cannot be done here"}
			saw, err := r.withClients(t.Context(), shutting(func() { c.do(t, r, d) }))
			if saw == nil || saw.TurnedAway() == 0 {
				t.Fatalf("they saw %v, %v", saw, err)
			}
			for _, want := range []string{"turned away: ", c.fault, "the upgrade warns: it cannot be done here"} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
		})
	}
}

func TestClientsThatCannotBe(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.Start()
	r := crowdRun(t, d)
	programs := without(t, "python")
	r.machine = Machine{Via: "env PATH=" + programs}
	upgraded := false
	if _, err := r.withClients(t.Context(), func() error { upgraded = true; return nil }); err == nil || !strings.Contains(err.Error(), "the machine has no Python") || upgraded {
		t.Errorf("without Python: %v", err)
	}
	if err := os.WriteFile(filepath.Join(programs, "python3"), []byte("#!/bin/sh\necho no module json >&2\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	if _, err := r.withClients(t.Context(), func() error { upgraded = true; return nil }); err == nil || !strings.Contains(err.Error(), "no module json") || upgraded {
		t.Errorf("clients that end at once: %v", err)
	}
	r.m.Services[3].Health = nil
	if saw, err := r.withClients(t.Context(), func() error { return io.ErrUnexpectedEOF }); saw != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("without a question: %v, %v", saw, err)
	}
}

// without is a folder with what PATH has, but for programs of which the name begins so.
func without(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	for _, from := range filepath.SplitList(os.Getenv("PATH")) {
		entries, _ := os.ReadDir(from)
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), name) {
				_ = os.Symlink(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name()))
			}
		}
	}
	return dir
}

func TestJudgeClients(t *testing.T) {
	t.Parallel()
	crowds := []crowd{{Name: "nginx", URL: "http://127.0.0.1/", Held: true, Want: 200}, {Name: "upload.http", URL: "https://127.0.0.1/", Held: true}, {Name: "broker", URL: "http://127.0.0.1:81/", Want: 401}}
	upgraded := report{Closed: time.Unix(100, 0)}
	const well = "0 10.0 99.0 0.010 200\n1 99.5 101.0 0.300 ConnectionResetError [Errno 104] reset\n2 50.0 50.1 0.1 401\n0 101.0 103.5 2.500 200\n1 101.0 104.0 1.0 201\n2 0 105.0 0.1 refused\n2 106.0 106.1 0.1 401\n"
	saw, f, err := judgeClients(well, crowds, upgraded)
	if err != nil || len(f) > 0 || *saw != (Clients{Requests: 7, Failed: 2, Cut: 1, Longest: 2.5}) {
		t.Errorf("%+v, %v, %v", saw, f, err)
	}
	for _, c := range []struct{ name, text, fault string }{
		{"refused", "0 0.0 101.5 0.000 ConnectionRefusedError no", `turned away: 1 of the requests of nginx (http://127.0.0.1/), the first with "ConnectionRefusedError no" 1.5 s after the door was shut`},
		{"refused before", "0 0.0 99.0 0.000 ConnectionRefusedError no", "turned away: "},
		{"the server's error on a connection from before", "0 10.0 100.5 0.1 502", `"502" 0.5 s after`},
		{"no whole answer on a connection from the window", "1 100.002 102.0 2.0 IncompleteRead", "1 of the requests of upload.http"},
		{"another answer at the end", "0 101.0 110.0 0.1 404", `the clients of nginx (http://127.0.0.1/) get "404" at the end`},
		{"no leave at the end", "1 101.0 110.0 0.1 401", `the clients of upload.http (https://127.0.0.1/) get "401" at the end`},
	} {
		if _, f, err := judgeClients(well+c.text+"\n", crowds, upgraded); err != nil || len(f) != 1 || !strings.Contains(f[0], c.fault) {
			t.Errorf("%s: %q, %v", c.name, f, err)
		}
	}
	if _, f, _ := judgeClients("1 1.0 2.0 0.1 200\n2 1.0 2.0 0.1 401\n", crowds, upgraded); len(f) != 1 || !strings.Contains(f[0], `the clients of nginx (http://127.0.0.1/) get "" at the end`) {
		t.Errorf("clients that did nothing: %q", f)
	}
	crowds[1].Notes = "notes/upload.http"
	if saw, f, err := judgeClients(well, crowds, upgraded); err != nil || len(f) > 0 || saw.Writes != 1 {
		t.Errorf("an upload that was acknowledged: %+v, %q, %v", saw, f, err)
	}
	if _, f, _ := judgeClients(strings.Replace(well, "1.0 201", "1.0 302", 1), crowds, upgraded); len(f) != 1 || !strings.Contains(f[0], `nothing was written: of 2 requests of upload.http (https://127.0.0.1/) none was acknowledged, that is, answered with 2xx, the last with "302"`) {
		t.Errorf("no upload was acknowledged: %q", f)
	}
	if saw, _, _ := judgeClients("0 95.0 96.0 0.1 closed\n", crowds, report{}); saw.Cut != 0 {
		t.Errorf("cut off, and the door was never shut: %+v", saw)
	}
	for _, line := range []string{"7 1.0 2.0 0.1 200\n", "0 x 2.0 0.1 200\n", "0 1.0 2.0\n"} {
		if _, _, err := judgeClients(line, crowds, upgraded); err == nil {
			t.Errorf("%q is no error", line)
		}
	}
}

// Whose clients wait is said by port; those of a port that answers are told to come back.
func TestCrowds(t *testing.T) {
	t.Parallel()
	m := demo()
	m.Services[0].Health = &manifest.Health{HTTP: "http://127.0.0.1:8100/"} // no door
	m.Services[3].Health = &manifest.Health{HTTP: "https://127.0.0.1/version", Expect: manifest.Expect{Status: 200}}
	m.Services[3].Hold, m.Services[3].Answer = []int{80, 443, 8443}, []int{80}
	r := &run{machine: here, m: m}
	for _, at := range []string{"http://127.0.0.1/", "https://127.0.0.1:8443/", "https://127.0.0.1:5671/"} {
		q, err := readRequest(Check{Name: "x.http"}, []byte("PUT "+at+" HTTP/1.1\n\nbody"))
		if err != nil {
			t.Fatal(err)
		}
		r.checks.Requests = append(r.checks.Requests, q)
	}
	crowds, err := r.crowds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range crowds {
		got = append(got, fmt.Sprintf("%s held=%v: %d, keep=%v, every %v s, %v s to send", c.URL, c.Held, c.Many, c.Keep, c.Every, c.Slow))
	}
	want := []string{ // as docs/certification.md has it
		"https://127.0.0.1/version held=true: 20, keep=true, every 0.4 s, 0 s to send",
		"https://127.0.0.1/version held=true: 4, keep=false, every 0.2 s, 0 s to send",
		"https://127.0.0.1/version held=true: 3, keep=false, every 0.2 s, 1 s to send",
		"http://127.0.0.1/ held=false: 2, keep=true, every 0.2 s, 2 s to send",
		"https://127.0.0.1:8443/ held=true: 2, keep=true, every 0.2 s, 2 s to send",
		"https://127.0.0.1:5671/ held=false: 2, keep=true, every 0.2 s, 2 s to send",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
