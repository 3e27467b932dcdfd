package command

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/progress"
	"onerpm/payload-scripts/internal/view/ptytest"
)

// TestMain gives the tests the same terminal wherever they are run.
func TestMain(m *testing.M) {
	if root := os.Getenv(asCommand); root != "" {
		os.Exit(run(context.Background(), bundleBelow(root), nil, os.Args[1:], os.Stdout, os.Stderr))
	}
	for key, value := range map[string]string{"TERM": "xterm", "NO_COLOR": ""} {
		if err := os.Setenv(key, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// TestLive follows an attempt that goes on, on a terminal.
func TestLive(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(id, func(r *journal.Record) { r.Began = time.Now() })
	j, err := journal.Open(a.Var)
	if err != nil {
		t.Fatal(err)
	}
	p := ptytest.New(t, 70, 20)
	ended := make(chan int)
	go func() {
		ended <- run(t.Context(), w.bundle, nil, []string{"status", "--follow"}, p.Slave, p.Slave)
	}()
	p.Await("[>] prepare  [ ] switch  [ ] open  to 4.2.0")
	end, err := j.Begin(journal.Preparing, "preflight")
	if err != nil {
		t.Fatal(err)
	}
	p.Await(" preflight   ")
	if err := end(nil); err != nil {
		t.Fatal(err)
	}
	if err := j.Update(func(r *journal.Record) { r.Phase, r.Closed = journal.Switching, time.Now() }); err != nil {
		t.Fatal(err)
	}
	p.Await("+ prepare  preflight")
	if end, err = j.Begin(journal.Switching, "packages to new"); err != nil {
		t.Fatal(err)
	}
	told := progress.NewWriter(w.bundle.Places().Progress(), id)
	told.Step("packages to new")
	told.Tell("rpm: cloudify-rest-service-4.2.0\x1b[2Jga", 50, 100, "percent")
	p.Await("[x] prepare  [>] switch  [ ] open")
	p.Await("(limit 1m0s)")
	p.Await("[##########----------] 50% rpm: cloudify-rest-service-4.2.0?[2Jga")
	if err := end(nil); err != nil {
		t.Fatal(err)
	}
	if err := j.Update(upgraded); err != nil {
		t.Fatal(err)
	}
	if code := <-ended; code != 0 {
		t.Errorf("exit %d", code)
	}
	p.Await("a lock\r\n")
	got := strings.Join(ptytest.Screen(t, p.Output(), 70), "\n")
	contains(t, got, "+ prepare  preflight", "done: Product is 4.2.0")
	if strings.Contains(got, "[x] prepare") {
		t.Errorf("the live view is left behind:\n%s", got)
	}
}

// TestCtrlC ends the view, not the upgrade.
func TestCtrlC(t *testing.T) {
	w := newWorld(t)
	w.attempt(id, func(*journal.Record) {})
	p := ptytest.New(t, 80, 24)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() { ended <- run(ctx, w.bundle, nil, []string{"status", "--follow"}, p.Slave, p.Slave) }()
	p.Await("about to begin")
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit %d", code)
	}
	p.Await("the upgrade continues; follow it again: `p status --follow`")
}

// TestPlain holds that nothing but lines comes where the output is no terminal.
func TestPlain(t *testing.T) {
	w := newWorld(t)
	w.attempt(id, upgraded)
	text, _ := w.run(0, "status", "--follow")
	if strings.Contains(text, "\x1b") || !strings.Contains(text, "+ prepare  preflight") {
		t.Errorf("%q", text)
	}
}
