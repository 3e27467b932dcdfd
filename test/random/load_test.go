package random

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// uploads is where the product keeps what the load uploads.
const uploads = "/opt/manager/resources/blueprints/default_tenant/"

// How the load writes: uploads one after another, and now and then an execution, which the worker takes and ends.
const (
	between     = 40 * time.Millisecond
	executeEach = 10
	answerLimit = 10 * time.Second
	mostBytes   = 32 << 10
)

// load is a client that writes through the door for as long as a machine is tried, and keeps what was
// acknowledged: an archive by its digest, an execution by its id.
type load struct {
	m    *host.Machine
	name string // begins the names of what it writes
	stop context.CancelFunc
	done sync.WaitGroup

	mu         sync.Mutex
	archives   map[string][32]byte // acknowledged, by blueprint
	executions []string
	failed     int
}

// startLoad starts writing; the seed makes the bodies.
func startLoad(ctx context.Context, m *host.Machine, name string, seed uint64) *load {
	ctx, stop := context.WithCancel(ctx)
	l := &load{m: m, name: name, stop: stop, archives: map[string][32]byte{}}
	lot := rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%s %d", name, seed)))
	l.done.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			l.write(ctx, n, body(lot))
			_ = sleep(ctx, between)
		}
	})
	return l
}

// body is an archive of random length and content.
func body(lot *rand.ChaCha8) []byte {
	b := make([]byte, 1+lot.Uint64()%mostBytes)
	_, _ = lot.Read(b) // never fails, says its documentation
	return b
}

func (l *load) write(ctx context.Context, n int, body []byte) {
	id := fmt.Sprintf("%s-%d", l.name, n)
	_, err := l.send(ctx, http.MethodPut, "blueprints/"+id+"?application_file_name=blueprint.yaml", body)
	l.note(err, func() { l.archives[id] = sha256.Sum256(body) })
	if n%executeEach != 0 {
		return
	}
	execution, err := l.send(ctx, http.MethodPost, "executions",
		[]byte(`{"deployment_id": "deployment-0", "workflow_id": "sleep", "parameters": {"seconds": 0.05}, "force": true}`))
	l.note(err, func() { l.executions = append(l.executions, execution) })
}

func (l *load) note(err error, acknowledged func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed++
		return
	}
	acknowledged()
}

// send sends a request through the door and returns the id of what was made. No error means that it was acknowledged.
func (l *load) send(ctx context.Context, method, what string, body []byte) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1/api/v3.1/"+what, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.SetBasicAuth("admin", "open-sesame-42")
	req.Header.Set("Tenant", "default_tenant")
	req.Header.Set("Content-Type", "application/json")
	resp, err := l.m.HTTP().Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("%s: %s", resp.Status, answer)
	}
	if err != nil {
		return "", err // an answer that broke off: what it named is not known
	}
	var made struct {
		ID string `json:"id"`
	}
	return made.ID, json.Unmarshal(answer, &made)
}

// end stops writing. It may be called twice.
func (l *load) end() {
	l.stop()
	l.done.Wait()
}

// count is how many writes were acknowledged.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.archives) + len(l.executions)
}

// await waits for some more acknowledged writes: the product serves.
func (l *load) await(t testing.TB, more int) {
	t.Helper()
	want := l.count() + more
	for until := time.Now().Add(2 * time.Minute); l.count() < want; {
		if time.Now().After(until) {
			t.Fatalf("the product does not take writes: %d were acknowledged, want %d", l.count(), want)
		}
		if err := sleep(t.Context(), 50*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

// lost looks for every acknowledged write, after the load has ended: the row, the archive by its
// digest, and that the worker has come to the end of each execution. It returns those that are not there.
func (l *load) lost(t testing.TB) []string {
	t.Helper()
	rows := map[string]bool{}
	for _, id := range strings.Fields(l.m.Sh(t, machinecheck.SQL("select id from blueprints union all select id from executions"))) {
		rows[id] = true
	}
	var lost []string
	for id, want := range l.archives {
		archive, err := os.ReadFile(l.m.Path(uploads + id + "/" + id + ".tar.gz"))
		switch {
		case err != nil:
			lost = append(lost, fmt.Sprintf("the archive of %s: %v", id, err))
		case sha256.Sum256(archive) != want:
			lost = append(lost, fmt.Sprintf("the archive of %s is another: %d bytes", id, len(archive)))
		}
		if !rows[id] {
			lost = append(lost, "the row of "+id)
		}
	}
	for _, id := range l.executions {
		if !rows[id] {
			lost = append(lost, "the execution "+id)
		}
	}
	return lost
}

// settle waits until the worker has ended the executions that were acknowledged.
func (l *load) settle(t testing.TB) {
	t.Helper()
	if len(l.executions) == 0 {
		return
	}
	const query = `select count(*) from executions where status not in ('terminated', 'failed', 'cancelled') and id in ('%s')`
	left := l.m.Sh(t, `for i in $(seq 300); do left=$(`+machinecheck.SQL(fmt.Sprintf(query, strings.Join(l.executions, "','")))+`
)
		[ "$left" = 0 ] && break; sleep 0.2; done; echo $left`)
	if left != "0" {
		t.Errorf("%s of %d acknowledged executions were not taken to their end", left, len(l.executions))
	}
}

// without leaves out of a comparison what the load writes, and what the worker writes about it.
func without(t testing.TB, m *host.Machine) machinecheck.Without {
	t.Helper()
	w := machinecheck.Without{Rows: map[string]string{}, Paths: []string{uploads + "load-"}}
	for _, table := range []string{"blueprints", "executions", "events", "logs"} {
		w.Rows[table] = "_storage_id > " + m.Sh(t, machinecheck.SQL("select coalesce(max(_storage_id), 0) from "+table))
	}
	return w
}
