package agent

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"onerpm/payload-scripts/internal/agentapi"
)

var headers = http.Header{"Authorization": {secret}}

// start makes the folder of an attempt whose agents are about to begin.
func start(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := Write(dir, Record{State: Running}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func run(t *testing.T, p *product, dir string) Record {
	t.Helper()
	rec, err := Run(t.Context(), p.spec(), headers, dir)
	if err != nil {
		t.Fatal(err)
	}
	onDisk, err := Read(dir)
	if err != nil || onDisk.State != rec.State {
		t.Fatalf("on disk %s, %v; returned %s", onDisk.State, err, rec.State)
	}
	return rec
}

func wantUpgraded(t *testing.T, rec Record, groups, agents int) {
	t.Helper()
	g, a := rec.Count(Upgraded)
	if rec.State != Done || g != groups || a != agents || len(rec.Groups) != groups {
		t.Errorf("%s (%s): %d groups with %d agents upgraded of %d, want %d with %d", rec.State, rec.Why, g, a, len(rec.Groups), groups, agents)
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 3, 20, 10)
	dir := start(t)
	wantUpgraded(t, run(t, p, dir), 20, 200)
	for g, n := range p.asked() {
		if n != 1 {
			t.Errorf("%s was asked %d times", g, n)
		}
	}
	wantUpgraded(t, run(t, p, dir), 20, 200) // again: nothing to do
	if n := len(p.works); n != 20 {
		t.Errorf("%d works for 20 groups", n)
	}
}

func TestManyPages(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 3, 2*agentapi.PageSize/3)
	wantUpgraded(t, run(t, p, start(t)), 3, 2*agentapi.PageSize/3*3)
}

// TestStopFixResume breaks some groups: the run stops early, and after the fix goes on.
func TestStopFixResume(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 3, 20, 10)
	p.set(true, 3, 6, 9) // the second to fourth of the first tenant
	dir := start(t)
	rec := run(t, p, dir)
	if failed, _ := rec.Count(Failed); rec.State != Stopped || failed != 3 || !strings.Contains(rec.Why, "agent is down") {
		t.Fatalf("%s, %d failed: %s", rec.State, failed, rec.Why)
	}
	if n := len(p.works); n != 6 { // the canary and one batch
		t.Errorf("%d works before the stop", n)
	}
	p.set(false, 3, 6, 9)
	wantUpgraded(t, run(t, p, dir), 20, 200)
	if n := len(p.works); n != 23 {
		t.Errorf("%d works for 20 groups of which 3 failed once", n)
	}
}

func TestCanary(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 2, 10, 1)
	p.set(true, 0)
	dir := start(t)
	rec := run(t, p, dir)
	if rec.State != Stopped || !strings.Contains(rec.Why, "canary") || len(p.works) != 1 {
		t.Errorf("%s after %d works: %s", rec.State, len(p.works), rec.Why)
	}
	rec = run(t, p, dir) // another one is the canary; the broken group is the last
	if up, _ := rec.Count(Upgraded); rec.State != Stopped || up != 9 || len(p.works) != 11 {
		t.Errorf("%s with %d upgraded after %d works: %s", rec.State, up, len(p.works), rec.Why)
	}
}

// TestKilled ends a run while the answers to questions are on their way, at every
// place there is, and wants no group to be asked again.
func TestKilled(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 3, 12, 2)
	dir := start(t)
	var kill context.CancelFunc
	p.onAsk = func(n int) {
		if n%2 == 0 {
			kill()
			time.Sleep(20 * time.Millisecond) // the answer finds nobody
		}
	}
	for range 30 {
		ctx, cancel := context.WithCancel(t.Context())
		p.mu.Lock()
		kill = cancel
		p.mu.Unlock()
		r := hastyRunner(t, p, dir)
		_, err := r.end(ctx, r.run(ctx))
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	rec, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	wantUpgraded(t, rec, 12, 24)
	for g, n := range p.asked() {
		if n != 1 {
			t.Errorf("%s was asked %d times", g, n)
		}
	}
}

// TestOthersWork follows a work that somebody else began, and leaves out what is not ready.
func TestOthersWork(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 3, 1)
	p.groups[1].state = "stopped"
	p.works = append(p.works, &fakeWork{id: "theirs", group: p.groups[0], until: time.Now().Add(time.Hour)})
	p.onLook = func(w *fakeWork) { w.until = time.Now() } // it ends while it is followed
	rec := run(t, p, start(t))
	wantUpgraded(t, rec, 2, 2)
	if rec.LeftOut != 1 || len(p.works) != 2 || rec.Groups[0].Work != "theirs" {
		t.Errorf("%d left out, %d works: %+v", rec.LeftOut, len(p.works), rec.Groups)
	}
}

// TestLeftAlone asks for no group that has no agent, or only new ones.
func TestLeftAlone(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 3, 2)
	p.groups[0].version, p.groups[1].version = nil, []string{"2.0", "2.0"}
	if rec := run(t, p, start(t)); rec.State != Done || len(p.works) != 1 || p.works[0].group != p.groups[2] {
		t.Errorf("%s after %d works: %+v", rec.State, len(p.works), rec.Groups)
	}
}

// TestNotProved wants a work that ended well and changed nothing to be a failure.
func TestNotProved(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 1, 2)
	spec := p.spec()
	spec.Groups.Becomes = "3.0"
	rec, err := Run(t.Context(), spec, headers, start(t))
	if err != nil || rec.State != Stopped || !strings.Contains(rec.Why, "2 of 2 agents are not of version 3.0") {
		t.Errorf("%v, %s: %s", err, rec.State, rec.Why)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 1, 1)
	const wrong = "Basic d3Jvbmc="
	rec, err := Run(t.Context(), p.spec(), http.Header{"Authorization": {wrong}}, start(t))
	if err != nil || rec.State != Stopped || !strings.Contains(rec.Why, "401") || strings.Contains(rec.Why, "d3Jvbmc") {
		t.Errorf("%v, %s: %s", err, rec.State, rec.Why)
	}
}
