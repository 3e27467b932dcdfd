package random

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
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
	mostBytes   = 32 << 10
)

// load is a client that writes for as long as a machine is tried.
type load struct {
	client *machinecheck.Client // for whoever has ended the load
	stop   context.CancelFunc
	done   sync.WaitGroup

	mu    sync.Mutex
	acked int
}

// startLoad starts writing; the seed makes the bodies.
func startLoad(ctx context.Context, m *host.Machine, name string, seed uint64) *load {
	ctx, stop := context.WithCancel(ctx)
	l := &load{client: &machinecheck.Client{Machine: m, Name: name}, stop: stop}
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
