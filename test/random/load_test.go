package random

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// How the load writes: uploads one after another, and now and then an execution, which the worker takes and ends.
const (
	between     = 40 * time.Millisecond
	executeEach = 10
	answerLimit = 10 * time.Second
	mostBytes   = 16 << 10
	flushEach   = 200 * time.Millisecond
)

// load is a client that writes for as long as a machine is tried.
type load struct {
	client *machinecheck.Client // for whoever has ended the load
	stop   context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	acked   int
	flushes []flush // of Elasticsearch, in their order
}

// flush made durable what had been acknowledged before it began.
type flush struct{ began, ended time.Time }

// startLoad starts writing; the seed makes the bodies. What the first jump's Elasticsearch has is flushed all the time: it keeps five
// seconds in its own memory.
func startLoad(ctx context.Context, m *machine, name string, seed uint64) *load {
	ctx, stop := context.WithCancel(ctx)
	l := &load{client: &machinecheck.Client{Machine: m.Machine, Name: name}, stop: stop}
	lot := rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%s %d", name, seed)))
	l.done.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			l.write(ctx, n, body(lot))
			_ = sleep(ctx, between)
		}
	})
	if m.jump == first {
		l.done.Go(func() {
			for ctx.Err() == nil {
				l.flush(ctx, m.Machine)
				_ = sleep(ctx, flushEach)
			}
		})
	}
	return l
}

// body is an archive of random length and content.
func body(lot *rand.ChaCha8) []byte {
	b := make([]byte, 1+lot.Uint64()%mostBytes)
	_, _ = lot.Read(b) // never fails, says its documentation
	return machinecheck.Blueprint(fmt.Sprintf("load %x", b))
}

// flush flushes Elasticsearch once, and notes it when that was acknowledged.
func (l *load) flush(ctx context.Context, m *host.Machine) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	f := flush{began: time.Now()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:9200/_flush", nil)
	if err != nil {
		return
	}
	resp, err := m.HTTP().Do(req)
	if err != nil {
		return
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	_ = resp.Body.Close() // only read
	if f.ended = time.Now(); err == nil && resp.StatusCode == http.StatusOK && bytes.Contains(answer, []byte(`"failed":0`)) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.flushes = append(l.flushes, f)
	}
}

// forget gives up what Elasticsearch may have forgotten at a fault: what was acknowledged after the begin of the last flush that had ended then.
// The load has ended.
func (l *load) forget(b blow) int {
	var flushed time.Time
	for _, f := range l.flushes {
		if f.ended.Before(b.from) {
			flushed = f.began
		}
	}
	return l.client.Forget(func(sent, acknowledged time.Time) bool { return !acknowledged.Before(flushed) && sent.Before(b.to) })
}

// write writes once or twice. What is not acknowledged the client counts.
func (l *load) write(ctx context.Context, n int, body []byte) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	_ = l.client.Upload(ctx, body)
	if n%executeEach == 0 {
		_ = l.client.Execute(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked = l.client.Acknowledged()
}

// end stops writing. It may be called twice.
func (l *load) end() {
	l.stop()
	l.done.Wait()
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked
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
