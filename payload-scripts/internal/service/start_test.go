package service

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/test/systemdtest"
)

// server answers with a version, after some refusals.
func server(t *testing.T, version string, refusals int32) *httptest.Server {
	t.Helper()
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) <= refusals {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(`{"version": "` + version + `"}`))
	}))
	t.Cleanup(s.Close)
	return s
}

func question(s *httptest.Server, within time.Duration) *manifest.Health {
	return &manifest.Health{HTTP: s.URL, Within: manifest.Duration(within),
		Expect: manifest.Expect{Status: 200, JSON: map[string]string{"version": "2"}, Old: map[string]string{"version": "1"}}}
}

func TestStart(t *testing.T) {
	t.Parallel()
	slow, old, slower := server(t, "2", 2), server(t, "1", 0), server(t, "2", 1)
	for _, c := range []struct {
		name   string
		units  []manifest.Service
		change func(*world)
		side   manifest.Side
		want   string // part of the error; "" for none
		jobs   string
	}{
		{name: "in order", units: []manifest.Service{{Unit: "a"}, {Unit: "b"}, {Unit: "c", Door: true}}, side: manifest.New, jobs: "start a, start b"},
		{name: "by side", units: []manifest.Service{{Unit: "a", Only: manifest.Old}, {Unit: "b", Only: manifest.New}}, side: manifest.New, jobs: "start b",
			change: func(w *world) { w.Add(systemdtest.Unit{Name: "b"}) }},
		{name: "by side, back", units: []manifest.Service{{Unit: "a", Only: manifest.Old}, {Unit: "b", Only: manifest.New}}, side: manifest.Old, jobs: "start a"},
		{name: "a slow answer", units: []manifest.Service{{Unit: "a", Health: question(slow, time.Minute)}}, side: manifest.New, jobs: "start a"},
		{name: "the old version", units: []manifest.Service{{Unit: "a", Health: question(old, time.Minute)}}, side: manifest.Old, jobs: "start a"},
		{name: "the wrong version", units: []manifest.Service{{Unit: "a", Health: question(old, 100*time.Millisecond)}, {Unit: "b"}}, side: manifest.New,
			want: `a is not healthy after 100ms: GET ` + old.URL + `: version is "1", want "2"`, jobs: "start a"},
		{name: "the wrong version, back", units: []manifest.Service{{Unit: "a", Health: question(slower, 100*time.Millisecond)}, {Unit: "b"}}, side: manifest.Old,
			want: `a is not healthy after 100ms: GET ` + slower.URL + `: version is "2", want "1"`, jobs: "start a, stop a, start a"},
		{name: "it fails to start", units: []manifest.Service{{Unit: "a"}, {Unit: "b"}}, side: manifest.New, change: func(w *world) { w.Change("a", func(u *systemdtest.Unit) { u.Fails = 1 }) },
			want: `start a.service: systemd says "failed"`, jobs: "start a"},
		{name: "a condition of its own", units: []manifest.Service{{Unit: "a"}}, side: manifest.New,
			change: func(w *world) {
				w.Change("a", func(u *systemdtest.Unit) { u.Own = []string{"ConditionPathExists=/nowhere"} })
			},
			want: "start a: it is inactive", jobs: "start a"},
		{name: "a condition of its own, with a question", units: []manifest.Service{{Unit: "a", Health: question(old, time.Minute)}}, side: manifest.Old,
			change: func(w *world) {
				w.Change("a", func(u *systemdtest.Unit) { u.Own = []string{"ConditionPathExists=/nowhere"} })
			},
			want: "start a: it is inactive", jobs: "start a"},
		{name: "verified before", units: []manifest.Service{{Unit: "a", Verify: "false -t"}}, side: manifest.New, want: "verify a before its start: ", jobs: ""},
		{name: "verified", units: []manifest.Service{{Unit: "a", Verify: "true -t"}}, side: manifest.New, jobs: "start a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.units)
			before := w.record(t)
			ctx := t.Context()
			must(t, w.MarkWindow(ctx, before), w.Stop(ctx, before))
			w.Log()
			if c.change != nil {
				c.change(w)
			}
			err := w.Start(ctx, c.side, before)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if got := w.jobs(); got != c.jobs {
				t.Errorf("jobs: %s; want %s", got, c.jobs)
			}
		})
	}
}

// TestHangingStart: a unit of the old side that runs and does not answer is started once more.
func TestHangingStart(t *testing.T) {
	t.Parallel()
	var up atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			rw.WriteHeader(http.StatusRequestTimeout)
			return
		}
		_, _ = rw.Write([]byte(`{"version": "1"}`))
	}))
	t.Cleanup(s.Close)
	w := newWorld(t, []manifest.Service{{Unit: "a", Source: true, Health: question(s, 100*time.Millisecond)}, {Unit: "b"}})
	before := w.record(t)
	ctx := t.Context()
	must(t, w.MarkWindow(ctx, before), w.Stop(ctx, before), w.StopSources(ctx, before))
	w.Log()
	w.Change("a", func(u *systemdtest.Unit) { u.StopTakes = 100 * time.Millisecond })
	go func() { // it comes up well when it was stopped again
		for started := false; !up.Load() && ctx.Err() == nil; time.Sleep(time.Millisecond) {
			w.Change("a", func(u *systemdtest.Unit) {
				up.Store(started && u.Active != "active")
				started = started || u.Active == "active"
			})
		}
	}()
	must(t, w.Start(ctx, manifest.Old, before))
	if got := w.jobs(); got != "start a, stop a, start a, start b" {
		t.Errorf("jobs: %s", got)
	}
}

// TestStartIsNoted: of a start that fails the lines since that start are wanted, so each start is noted, the last one in the end.
func TestStartIsNoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "a"}})
	before := w.record(t)
	began := time.Now()
	must(t, w.Stop(t.Context(), before), w.Start(t.Context(), manifest.New, before))
	first := w.began["a"]
	must(t, w.Stop(t.Context(), before), w.Start(t.Context(), manifest.New, before))
	if first.Before(began) || !w.began["a"].After(first) {
		t.Errorf("began %s, first start %s, second %s", began, first, w.began["a"])
	}
}

// TestSettled: units without a question must stay up for a while; one that falls down in it is reported.
func TestSettled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "a"}, {Unit: "b"}})
	before := w.record(t)
	w.settle = 400 * time.Millisecond
	time.AfterFunc(100*time.Millisecond, func() { w.Change("b", func(u *systemdtest.Unit) { u.Active = "failed" }) })
	if err := w.Start(t.Context(), manifest.New, before); err == nil || !strings.Contains(err.Error(), "start b: it is failed") {
		t.Errorf("one that falls down: %v", err)
	}
	w.Change("b", func(u *systemdtest.Unit) { u.Active = "activating" }) // systemd restarts it
	time.AfterFunc(100*time.Millisecond, func() { w.Change("b", func(u *systemdtest.Unit) { u.Active = "active" }) })
	w.settle = 10 * time.Millisecond
	must(t, w.awaitStable(t.Context(), []string{"a", "b"}))
	w.Change("b", func(u *systemdtest.Unit) { u.Active = "activating" }) // for ever
	if err := w.awaitStable(t.Context(), []string{"a", "b"}); err == nil || !strings.Contains(err.Error(), "start b: it is activating") {
		t.Errorf("one that never comes up: %v", err)
	}
}

// TestOpenDoor asks the door's question only when it was answered before.
func TestOpenDoor(t *testing.T) {
	t.Parallel()
	deaf := server(t, "2", 1<<30)
	w := newWorld(t, []manifest.Service{{Unit: "a"}, {Unit: "web", Door: true, Health: question(deaf, 100*time.Millisecond)}})
	before := w.record(t)
	ctx := t.Context()
	must(t, w.CloseDoor(ctx, before), w.OpenWindow(), w.OpenDoor(ctx, manifest.New, before, false))
	if err := w.OpenDoor(ctx, manifest.New, before, true); err == nil || !strings.Contains(err.Error(), "web is not healthy after 100ms") {
		t.Errorf("got %v", err)
	}
	if got := w.jobs(); got != "stop web, start web, start web" {
		t.Errorf("got %s", got)
	}
}

func TestAwait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "a"}, {Unit: "off"}, {Unit: "web", Door: true, Health: question(server(t, "2", 1<<30), time.Millisecond)}})
	w.Change("off", func(u *systemdtest.Unit) { u.Active = "inactive" })
	before := w.record(t)
	w.Change("a", func(u *systemdtest.Unit) { u.Active = "activating" })
	time.AfterFunc(100*time.Millisecond, func() { w.Change("a", func(u *systemdtest.Unit) { u.Active = "active" }) })
	must(t, w.Await(t.Context(), manifest.Old, before))
	w.Change("web", func(u *systemdtest.Unit) { u.Active = "failed" })
	if err := w.Await(t.Context(), manifest.Old, before); err == nil || !strings.Contains(err.Error(), "web does not serve: it is failed") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Await(ctx, manifest.Old, before); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := w.jobs(); got != "" {
		t.Errorf("it started something: %s", got)
	}
}

// TestStop: all of both releases, in reverse; what is down is left alone; one that does not stop is reported.
func TestStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "a"}, {Unit: "old", Only: manifest.Old}, {Unit: "new", Only: manifest.New}, {Unit: "off"}, {Unit: "web", Door: true}}, systemdtest.Unit{Name: "new", Active: "active"})
	w.Change("off", func(u *systemdtest.Unit) { u.Active = "failed" })
	before := w.record(t)
	must(t, w.Stop(t.Context(), before))
	if got := w.jobs(); got != "stop web, stop new, stop old, stop a" {
		t.Errorf("got %s", got)
	}
	w.Change("a", func(u *systemdtest.Unit) { u.Active, u.StopTakes = "active", 100*time.Millisecond })
	time.AfterFunc(20*time.Millisecond, func() { w.Change("a", func(u *systemdtest.Unit) { u.Clings = true }) })
	if err := w.Stop(t.Context(), before); err == nil || !strings.Contains(err.Error(), "stop a: it is still deactivating") {
		t.Errorf("got %v", err)
	}
}

// TestSources: what has the documents of a store is stopped by itself, and starts before the rest.
func TestSources(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "rest"}, {Unit: "es@1", Only: manifest.Old, Source: true}, {Unit: "worker", Only: manifest.Old}, {Unit: "web", Door: true}},
		systemdtest.Unit{Name: "es@2", Active: "active"})
	before := w.record(t)
	ctx := t.Context()
	must(t, w.CloseDoor(ctx, before), w.MarkWindow(ctx, before), w.Stop(ctx, before))
	if got, states := w.jobs(), w.states("es@1", "es@2"); got != "stop web, stop worker, stop rest" || states != "active active" {
		t.Errorf("got %s, the sources are %s", got, states)
	}
	must(t, w.StopSources(ctx, before))
	if got := w.jobs(); got != "stop es@2, stop es@1" {
		t.Errorf("got %s", got)
	}
	must(t, w.Start(ctx, manifest.New, before))
	if got := w.jobs(); got != "start rest" {
		t.Errorf("got %s", got)
	}
	must(t, w.Stop(ctx, before), w.StartSources(ctx, manifest.Old, before))
	if got := w.jobs(); got != "stop rest, start es@1, start es@2" {
		t.Errorf("got %s", got)
	}
	if w.Try("rest") || w.Try("worker") {
		t.Error("what writes to a source can be started by anybody, although only that was")
	}
	must(t, w.StopSources(ctx, before))
	w.Log()
	must(t, w.Start(ctx, manifest.Old, before))
	if got := w.jobs(); got != "start es@1, start es@2, start rest, start worker" {
		t.Errorf("got %s", got)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "a"}, {Unit: "b", Only: manifest.New}})
	got, err := w.Times(t.Context())
	if err != nil || len(got) != 1 || got[0] != (Times{Unit: "a", Start: 2500 * time.Millisecond}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestSettle(t *testing.T) {
	t.Parallel()
	asked := &manifest.Health{}
	for _, c := range []struct {
		units []manifest.Service
		want  time.Duration
	}{
		{nil, 0},
		{[]manifest.Service{{Unit: "a"}}, settle},
		{[]manifest.Service{{Unit: "a", Health: asked}, {Unit: "web", Door: true}}, 0},
		{[]manifest.Service{{Unit: "a", Only: manifest.Old}}, 0},
	} {
		if got := Settle(c.units, manifest.New); got != c.want {
			t.Errorf("%v: %v", c.units, got)
		}
	}
}
