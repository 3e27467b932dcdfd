package service

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/test/systemdtest"
)

// TestConfirm asks everything once more: what answered once may be dead, hang or have been stopped since.
func TestConfirm(t *testing.T) {
	t.Parallel()
	hangs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(hangs.Close)
	good := server(t, "2", 0)
	for name, c := range map[string]struct {
		units  []manifest.Service
		change func(*world)
		want   string // part of the error; "" for none
	}{
		"all runs": {units: []manifest.Service{{Unit: "a", Health: question(good, time.Minute)}, {Unit: "b"}, {Unit: "door", Door: true, Verify: "true"}}},
		"one has died": {units: []manifest.Service{{Unit: "a"}, {Unit: "b"}},
			change: func(w *world) { w.Change("a", func(u *systemdtest.Unit) { u.Active = "failed" }) }, want: "a is failed"},
		"one was stopped": {units: []manifest.Service{{Unit: "a", Health: question(good, time.Minute)}},
			change: func(w *world) { w.Change("a", func(u *systemdtest.Unit) { u.Active = "inactive" }) }, want: "a is inactive"},
		"one is being restarted": {units: []manifest.Service{{Unit: "a"}},
			change: func(w *world) { w.Change("a", func(u *systemdtest.Unit) { u.Active = "activating" }) }, want: "a is activating"},
		"one reloads": {units: []manifest.Service{{Unit: "a"}},
			change: func(w *world) { w.Change("a", func(u *systemdtest.Unit) { u.Active = "reloading" }) }},
		"one does not answer any more": {units: []manifest.Service{{Unit: "a", Health: question(hangs, 50*time.Millisecond)}}, want: "a is not healthy after 50ms"},
		"the door could not open":      {units: []manifest.Service{{Unit: "a"}, {Unit: "door", Door: true, Verify: "false"}}, want: "verify door before its start"},
		"a shut door does not run":     {units: []manifest.Service{{Unit: "a"}, {Unit: "door", Door: true}}, change: func(w *world) { w.Change("door", func(u *systemdtest.Unit) { u.Active = "inactive" }) }},
		"the old release's alone":      {units: []manifest.Service{{Unit: "a", Only: manifest.Old}, {Unit: "b"}}, change: func(w *world) { w.Change("a", func(u *systemdtest.Unit) { u.Active = "inactive" }) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.units)
			before := w.record(t)
			if c.change != nil {
				c.change(w)
			}
			err := w.Confirm(t.Context(), manifest.New, before)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if jobs := w.jobs(); jobs != "" {
				t.Errorf("it started or stopped something: %s", jobs)
			}
		})
	}
}

// TestRunning leaves out what did not run before, and the door.
func TestRunning(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "a"}, {Unit: "off"}, {Unit: "door", Door: true}})
	w.Change("off", func(u *systemdtest.Unit) { u.Active = "inactive" })
	before := w.record(t)
	w.Change("door", func(u *systemdtest.Unit) { u.Active = "inactive" })
	must(t, w.Running(t.Context(), manifest.New, before))
	w.Change("a", func(u *systemdtest.Unit) { u.Active = "failed" })
	if err := w.Running(t.Context(), manifest.Old, before); err == nil || !strings.Contains(err.Error(), "a is failed") {
		t.Errorf("error %v", err)
	}
}

// TestOpenDoors are those that run, whoever started them.
func TestOpenDoors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "a"}, {Unit: "door", Door: true}, {Unit: "shut", Door: true}})
	w.Change("shut", func(u *systemdtest.Unit) { u.Active = "failed" })
	open, err := w.OpenDoors(t.Context())
	must(t, err)
	equal(t, "open doors", open, []string{"door"})
}

// TestAnswerThroughTheShutDoor is counted from when the door was shut.
func TestAnswerThroughTheShutDoor(t *testing.T) {
	t.Parallel()
	var open atomic.Bool
	open.Store(true)
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !open.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	t.Cleanup(door.Close)
	h := &manifest.Health{HTTP: door.URL, Expect: manifest.Expect{Status: 200}}
	p := (&Services{units: []manifest.Service{{Unit: "door", Door: true, Health: h}}}).Probe(t.Context())
	defer p.Stop()
	p.Await(t.Context(), time.Minute)
	open.Store(false)
	p.Mark()
	if n := p.Count(); n != 0 {
		t.Fatalf("%d answers through a shut door", n)
	}
	open.Store(true) // by a monitor
	p.Await(t.Context(), time.Minute)
	if p.Count() == 0 {
		t.Error("the answer is not counted")
	}
}

// TestVerifiedOnce holds that a door whose configuration was tried right before the commit is opened without
// another try, in the window; a second attempt to open it asks again.
func TestVerifiedOnce(t *testing.T) {
	t.Parallel()
	once := filepath.Join(t.TempDir(), "once")
	w := newWorld(t, []manifest.Service{{Unit: "a"}, {Unit: "door", Door: true, Verify: "mkdir " + once}}) // a second time it fails
	before := w.record(t)
	must(t, w.Confirm(t.Context(), manifest.New, before), w.OpenDoor(t.Context(), manifest.New, before, false))
	if err := w.OpenDoor(t.Context(), manifest.New, before, false); err == nil || !strings.Contains(err.Error(), "verify door before its start") {
		t.Errorf("opened again: error %v", err)
	}
}
