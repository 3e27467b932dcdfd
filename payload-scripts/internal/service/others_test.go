package service

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/test/systemdtest"
)

// through stops everything, starts the side again, and returns the jobs of both.
func (w *world) through(t *testing.T, side manifest.Side, before journal.Services) (stops, starts string) {
	t.Helper()
	ctx := t.Context()
	must(t, w.CloseDoor(ctx, before), w.MarkWindow(ctx, before), w.Stop(ctx, before))
	stops = w.jobs()
	must(t, w.Start(ctx, side, before), w.OpenWindow(), w.OpenDoor(ctx, side, before, true))
	warnings, err := w.StartDependents(ctx, before)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("start the dependents: %v, %v", warnings, err)
	}
	starts = w.jobs()
	must(t, w.Unmark(ctx, before))
	return stops, starts
}

// TestInstances: the product's units are all instances of a template, whichever the manifest names.
func TestInstances(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "queue@1"}, {Unit: "queue@7"}, {Unit: "web", Door: true}},
		systemdtest.Unit{Name: "queue@2", Active: "active"}, systemdtest.Unit{Name: "queue@3"}, systemdtest.Unit{Name: "queue@4", Active: "reloading"})
	before := w.record(t)
	if got := before.Instances; !reflect.DeepEqual(got, map[string][]string{"queue@1": {"queue@2.service", "queue@4.service"}}) {
		t.Errorf("recorded %v", got)
	}
	ctx := t.Context()
	must(t, w.CloseDoor(ctx, before), w.MarkWindow(ctx, before), w.Stop(ctx, before))
	if got := w.states("queue@1", "queue@2", "queue@3", "queue@4", "queue@7"); got != "inactive inactive inactive inactive inactive" {
		t.Errorf("in the window: %s", got)
	}
	if w.Add(systemdtest.Unit{Name: "queue@5"}); w.Try("queue@5") || w.Try("queue@3") {
		t.Error("another instance can be started in the window")
	}
	w.Log()
	must(t, w.Start(ctx, manifest.New, before))
	if got := w.jobs(); got != "start queue@1, start queue@2, start queue@4, start queue@7" {
		t.Errorf("got %s", got)
	}
	w.Change("queue@2", func(u *systemdtest.Unit) { u.Active, u.Fails = "inactive", 1 })
	if err := w.Start(ctx, manifest.New, before); err == nil || !strings.Contains(err.Error(), "queue@2.service") {
		t.Errorf("an instance that does not start: %v", err)
	}
}

// TestTriggers: what starts a unit is stopped before it; a socket is started before it, a timer after it.
func TestTriggers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		trigger       string
		serviceIs     string
		stops, starts string
	}{
		{"a socket and its service", "web.socket", "active", "stop web.socket, stop web, stop rest", "start rest, start web.socket, start web"},
		{"on demand, just not running", "web.socket", "inactive", "stop web.socket, stop rest", "start rest, start web.socket"},
		{"a timer", "web.timer", "inactive", "stop web.timer, stop rest", "start rest, start web.timer"},
		{"a timer of a unit that runs", "web.timer", "active", "stop web.timer, stop web, stop rest", "start rest, start web, start web.timer"},
		{"a path", "web.path", "active", "stop web.path, stop web, stop rest", "start rest, start web, start web.path"},
	} {
		for _, side := range []manifest.Side{manifest.New, manifest.Old} {
			t.Run(c.name+" "+string(side), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, []manifest.Service{{Unit: "rest"}, {Unit: "web", Door: true}}, systemdtest.Unit{Name: c.trigger, Active: "active"})
				w.Change("web", func(u *systemdtest.Unit) {
					u.Active, u.TriggeredBy = c.serviceIs, []string{c.trigger, "unused.timer"}
				})
				before := w.record(t)
				ctx := t.Context()
				must(t, w.CloseDoor(ctx, before), w.MarkWindow(ctx, before))
				if w.Try(c.trigger) || w.Try("web") {
					t.Errorf("%s or its service can be started behind the shut door", c.trigger)
				}
				must(t, w.OpenWindow(), w.OpenDoor(ctx, side, before, true), w.Unmark(ctx, before))
				w.Log()
				stops, starts := w.through(t, side, before)
				if stops != c.stops || starts != c.starts {
					t.Errorf("stops %s; want %s\nstarts %s; want %s", stops, c.stops, starts, c.starts)
				}
				if got := w.states(c.trigger, "web"); got != "active "+c.serviceIs {
					t.Errorf("afterwards: %s", got)
				}
			})
		}
	}
}

// TestTriggerThatIsGone: the new release may come without it; one that does not start fails the start.
func TestTriggerThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "rest"}}, systemdtest.Unit{Name: "rest.timer", Active: "active"}, systemdtest.Unit{Name: "rest.path", Active: "active"})
	w.Change("rest", func(u *systemdtest.Unit) { u.TriggeredBy = []string{"rest.timer", "rest.path"} })
	before := w.record(t)
	ctx := t.Context()
	must(t, w.MarkWindow(ctx, before), w.Stop(ctx, before))
	w.Change("rest.timer", func(u *systemdtest.Unit) { u.Load = "not-found" })
	must(t, w.Start(ctx, manifest.New, before))
	if got := w.states("rest", "rest.timer", "rest.path"); got != "active inactive active" {
		t.Errorf("got %s", got)
	}
	w.Change("rest.path", func(u *systemdtest.Unit) { u.Active, u.Fails = "inactive", 1 })
	if err := w.Start(ctx, manifest.Old, before); err == nil || !strings.Contains(err.Error(), "start rest.path") {
		t.Errorf("got %v", err)
	}
}

// TestSocketOfARunningService: systemd refuses a socket whose service runs already; that ends no upgrade.
func TestSocketOfARunningService(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "web", Door: true}}, systemdtest.Unit{Name: "web.socket", Active: "active"})
	w.Change("web", func(u *systemdtest.Unit) { u.TriggeredBy = []string{"web.socket"} })
	before := w.record(t)
	w.Change("web.socket", func(u *systemdtest.Unit) { u.Active = "inactive" })
	must(t, w.OpenDoor(t.Context(), manifest.Old, before, true))
	if got := w.states("web", "web.socket"); got != "active inactive" {
		t.Errorf("got %s", got)
	}
}

// TestDependents: what systemd stops with the product runs again after it, in the order of its needs.
func TestDependents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, restAndDoor,
		systemdtest.Unit{Name: "a", Active: "active", BoundBy: []string{"a2", "session.scope"}}, systemdtest.Unit{Name: "a2", Active: "active", ConsistsOf: []string{"a"}},
		systemdtest.Unit{Name: "b", Active: "active"}, systemdtest.Unit{Name: "off"}, systemdtest.Unit{Name: "all.target", Active: "active", Wants: []string{"stopped-by-the-admin"}},
		systemdtest.Unit{Name: "session.scope", Active: "active"}, systemdtest.Unit{Name: "stopped-by-the-admin"})
	w.Change("rest", func(u *systemdtest.Unit) { u.RequiredBy = []string{"a.service", "off.service", "worker-9.6.service"} })
	w.Change("web", func(u *systemdtest.Unit) {
		u.ConsistsOf, u.RequiredBy = []string{"b.service", "a2.service"}, []string{"all.target"}
	})
	before := w.record(t)
	want := map[string][]string{"rest": {"a.service", "a2.service"}, "web": {"all.target", "b.service"}}
	if !reflect.DeepEqual(before.Dependents, want) {
		t.Errorf("recorded %v, want %v", before.Dependents, want)
	}
	_, starts := w.through(t, manifest.New, before)
	if starts != "start rest, start worker-9.6, start web, start a, start a2, start all.target, start b" {
		t.Errorf("starts: %s", starts)
	}
	if got := w.states("a", "a2", "b", "off", "all.target"); got != "active active active inactive active" {
		t.Errorf("afterwards: %s", got)
	}
}

// TestDependentThatDoesNotStart is told and fails nothing.
func TestDependentThatDoesNotStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, restAndDoor, systemdtest.Unit{Name: "a", Active: "active"}, systemdtest.Unit{Name: "b", Active: "active"}, systemdtest.Unit{Name: "c", Active: "active"})
	w.Change("rest", func(u *systemdtest.Unit) { u.RequiredBy = []string{"a.service", "b.service", "c.service"} })
	before := w.record(t)
	must(t, w.CloseDoor(t.Context(), before), w.MarkWindow(t.Context(), before), w.Stop(t.Context(), before), w.OpenWindow())
	w.Change("a", func(u *systemdtest.Unit) { u.Fails = 1 })
	w.Change("b", func(u *systemdtest.Unit) { u.Own = []string{"ConditionPathExists=/nowhere"} })
	warnings, err := w.StartDependents(t.Context(), before)
	if err != nil || len(warnings) != 2 || !strings.Contains(warnings[0], "a.service ran before, was stopped with rest") || !strings.Contains(warnings[1], "b.service") {
		t.Errorf("got %q, %v", warnings, err)
	}
	if w.State("c") != "active" {
		t.Error("the next one is left out")
	}
}

func TestRecordStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "a"}, {Unit: "b"}, {Unit: "c"}, {Unit: "d"}, {Unit: "e", Only: manifest.New}})
	for name, state := range map[string]string{"a": "reloading", "b": "inactive", "c": "failed", "d": "activating"} {
		w.Change(name, func(u *systemdtest.Unit) { u.Active = state })
	}
	w.Change("b", func(u *systemdtest.Unit) { u.File = "enabled-runtime" })
	time.AfterFunc(100*time.Millisecond, func() { w.Change("d", func(u *systemdtest.Unit) { u.Active = "active" }) })
	before := w.record(t)
	if want := map[string]bool{"a": true, "b": false, "c": false, "d": true, "e": false}; !reflect.DeepEqual(before.Active, want) {
		t.Errorf("got %v", before.Active)
	}
	if want := map[string]string{"a": "enabled", "b": "enabled-runtime", "c": "enabled", "d": "enabled", "e": ""}; !reflect.DeepEqual(before.Boot, want) {
		t.Errorf("got %v", before.Boot)
	}
	w.Change("a", func(u *systemdtest.Unit) { u.Active = "deactivating" })
	if _, err := w.Record(t.Context()); err == nil || !strings.Contains(err.Error(), "a.service is still deactivating after ") {
		t.Errorf("got %v", err)
	}
}

// TestTriggersOfTheManifest: a socket, timer or path that the manifest names is stopped before
// what it starts, and that is stopped and held too, whether the manifest names it or not.
func TestTriggersOfTheManifest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		services []manifest.Service
		trigger  string
		state    string // of the service
		jobs     string
		after    string
	}{
		{"a timer alone, its service at rest", []manifest.Service{{Unit: "sweep.timer"}}, "sweep.timer", "inactive", "stop sweep.timer, start sweep.timer", "inactive"},
		{"a timer alone, its service at work", []manifest.Service{{Unit: "sweep.timer"}}, "sweep.timer", "activating", "stop sweep.timer, stop sweep, start sweep.timer", "inactive"},
		{"both, the service at work", []manifest.Service{{Unit: "sweep"}, {Unit: "sweep.timer"}}, "sweep.timer", "activating", "stop sweep.timer, stop sweep, start sweep.timer", "inactive"},
		{"a socket alone", []manifest.Service{{Unit: "sweep.socket", Door: true}}, "sweep.socket", "active", "stop sweep.socket, stop sweep, start sweep.socket, start sweep", "active"},
		{"a socket and its service", []manifest.Service{{Unit: "sweep.socket", Door: true}, {Unit: "sweep", Door: true}}, "sweep.socket", "active", "stop sweep.socket, stop sweep, start sweep.socket, start sweep", "active"},
		{"a socket of a door that is not said to be one", []manifest.Service{{Unit: "sweep.socket"}, {Unit: "sweep", Door: true}}, "sweep.socket", "active", "stop sweep.socket, stop sweep, start sweep.socket, start sweep", "active"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.services, systemdtest.Unit{Name: "sweep", Active: c.state, TriggeredBy: []string{c.trigger}})
			before := w.record(t)
			stops, starts := w.through(t, manifest.New, before)
			if got := stops + ", " + starts; got != c.jobs {
				t.Errorf("got %s, want %s", got, c.jobs)
			}
			if got := w.states(c.trigger, "sweep"); got != "active "+c.after {
				t.Errorf("afterwards: %s", got)
			}
			must(t, w.MarkWindow(t.Context(), before), w.Stop(t.Context(), before))
			if w.Try("sweep") || w.Try(c.trigger) {
				t.Error("it can be started in the window")
			}
			if err := w.Start(t.Context(), manifest.New, before); err != nil {
				t.Error(err)
			}
			if w.Try("sweep") && c.services[len(c.services)-1].Door {
				t.Error("it can be started while only the services may")
			}
		})
	}
}

// TestAlias: a unit that the manifest calls by another name is no dependent of itself.
func TestAlias(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "db"}}, systemdtest.Unit{Name: "maria", Active: "active", RequiredBy: []string{"a"}},
		systemdtest.Unit{Name: "db", Alias: "maria.service"}, systemdtest.Unit{Name: "a", Active: "active", RequiredBy: []string{"maria"}})
	before := w.record(t)
	if want := map[string][]string{"db": {"a.service"}}; !before.Active["db"] || !reflect.DeepEqual(before.Dependents, want) {
		t.Errorf("recorded %v, %v", before.Active, before.Dependents)
	}
}
