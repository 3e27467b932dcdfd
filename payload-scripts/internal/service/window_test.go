package service

import (
	"os"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/test/systemdtest"
)

var restAndDoor = []manifest.Service{{Unit: "rest"}, {Unit: "worker-9.6"}, {Unit: "web", Door: true}}

// TestWindow goes through a window while a monitor tries to start everything at each step.
func TestWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, restAndDoor)
	w.write(t, "/etc/systemd/system/web.service.d/zzz-admin.conf", "[Unit]\nConditionPathExists=\n")
	if err := os.MkdirAll(w.root+"/etc/systemd/system/rest.service.d", 0o755); err != nil { // empty
		t.Fatal(err)
	}
	w.Change("rest", func(u *systemdtest.Unit) {
		u.Own = []string{"ConditionPathExists=|/etc", "ConditionPathExists=|/nowhere"}
	})
	w.Change("worker-9.6", func(u *systemdtest.Unit) { u.Wants = []string{"web.service"} })
	before := w.record(t)
	atFirst := w.tree(t)
	// monitor tells which units anybody can start now.
	monitor := func() string {
		var can []string
		for _, name := range []string{"rest", "worker-9.6", "web"} {
			if w.State(name) != "active" && w.Try(name) {
				can = append(can, name)
			}
		}
		return strings.Join(can, " ")
	}
	ctx := t.Context()

	must(t, w.CloseDoor(ctx, before))
	if got := w.states("rest", "worker-9.6", "web") + monitor(); got != "active active inactive" {
		t.Errorf("the door is shut: %s", got)
	}
	if w.Reboot(); monitor() != "rest worker-9.6" {
		t.Error("after a reboot behind the shut door the services do not start, or the door does")
	}
	must(t, w.MarkWindow(ctx, before), w.Stop(ctx, before))
	if got := w.states("rest", "worker-9.6", "web") + monitor(); got != "inactive inactive inactive" {
		t.Errorf("in the window: %s", got)
	}
	if w.Reboot(); monitor() != "" {
		t.Error("after a reboot in the window something starts")
	}
	must(t, w.Start(ctx, manifest.New, before))
	if got := w.states("rest", "worker-9.6", "web") + monitor(); got != "active active inactive" {
		t.Errorf("with the services started: %s", got)
	}
	w.Reboot()
	must(t, os.RemoveAll(w.root+"/run/"+prefix)) // which lies in memory
	if monitor() != "" {
		t.Error("after a reboot with the services started something starts before the engine does")
	}
	must(t, w.Start(ctx, manifest.New, before), w.OpenWindow(), w.OpenDoor(ctx, manifest.New, before, true))
	if got := w.states("rest", "worker-9.6", "web"); got != "active active active" {
		t.Errorf("with the door open: %s", got)
	}
	w.Reboot()
	must(t, os.RemoveAll(w.root+"/run/"+prefix))
	if got := monitor(); got != "rest worker-9.6" || w.State("web") != "active" {
		t.Errorf("after a reboot with the door open only %s start", got)
	}
	must(t, w.Unmark(ctx, before))
	equal(t, "afterwards", w.tree(t), atFirst)
}

// TestWindowIsMarkedTwice: a killed engine's marks are taken over, a start that it allowed is not.
func TestWindowIsMarkedTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, restAndDoor)
	before := w.record(t)
	atFirst := w.tree(t)
	ctx := t.Context()
	must(t, w.CloseDoor(ctx, before), w.MarkWindow(ctx, before), w.Stop(ctx, before), w.Start(ctx, manifest.New, before))
	w.Log()
	must(t, w.MarkWindow(ctx, before), w.Stop(ctx, before))
	if got := w.jobs(); got != "stop worker-9.6, stop rest" {
		t.Errorf("got %s", got)
	}
	if w.Try("rest") {
		t.Error("a unit starts by the permit that was lent to the engine before")
	}
	must(t, w.Start(ctx, manifest.Old, before), w.OpenWindow(), w.OpenDoor(ctx, manifest.Old, before, true), w.Unmark(ctx, before), w.Unmark(ctx, before))
	if got := w.states("rest", "worker-9.6", "web"); got != "active active active" {
		t.Errorf("got %s", got)
	}
	must(t, os.RemoveAll(w.root+"/run/"+prefix))
	equal(t, "afterwards", w.tree(t), atFirst)
}

// TestGuardIsBeaten: a drop-in that systemd reads after the upgrade's is found before anything is stopped.
func TestGuardIsBeaten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, restAndDoor)
	w.write(t, "/etc/systemd/system/web.service.d/~~late.conf", "[Unit]\nConditionPathExists=\n")
	before := w.record(t)
	err := w.CloseDoor(t.Context(), before)
	if err == nil || !strings.Contains(err.Error(), "forgets the conditions of web.service") {
		t.Errorf("got %v", err)
	}
	if got := w.jobs() + w.states("web"); got != "active" {
		t.Errorf("got %s", got)
	}
}

// TestReloadIsSpared: a guard that systemd knows already costs no reload in the window.
func TestReloadIsSpared(t *testing.T) {
	t.Parallel()
	w := newWorld(t, restAndDoor)
	before := w.record(t)
	must(t, w.CloseDoor(t.Context(), before))
	w.Log()
	must(t, w.MarkWindow(t.Context(), before))
	if got := w.Log(); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	w.Reboot() // reads the drop-ins; so does this, of an engine that was killed before its reload:
	must(t, os.Remove(w.root+"/etc/systemd/system/rest.service.d/~"+prefix+".conf"))
	must(t, w.MarkWindow(t.Context(), before))
	if got := w.Log(); len(got) != 1 || got[0] != "reload" {
		t.Errorf("got %v", got)
	}
}

// TestMarksThatCannotBeWritten fail and say why.
func TestMarksThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, restAndDoor)
	before := w.record(t)
	w.write(t, "/etc/systemd/system/web.service.d", "a file in the way")
	if err := w.CloseDoor(t.Context(), before); err == nil || !strings.Contains(err.Error(), "guard the services: ") {
		t.Errorf("got %v", err)
	}
	must(t, os.RemoveAll(w.root+"/var/lib/"+prefix))
	if err := w.MarkWindow(t.Context(), before); err == nil || !strings.Contains(err.Error(), "guard the services: ") {
		t.Errorf("got %v", err)
	}
	if got := w.states("rest", "worker-9.6", "web"); got != "active active active" {
		t.Errorf("got %s", got)
	}
}

// TestLostAnswers loses the answer to each call of a whole way in turn.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for at := 0; ; at += 3 {
		w := newWorld(t, restAndDoor, systemdtest.Unit{Name: "customer", Active: "active"})
		w.Change("rest", func(u *systemdtest.Unit) { u.RequiredBy = []string{"customer.service"} })
		before := w.record(t)
		atFirst := w.tree(t)
		ctx := t.Context()
		w.LoseCalls(at, 2)
		must(t, w.CloseDoor(ctx, before), w.MarkWindow(ctx, before), w.Stop(ctx, before), w.DisableUnits(ctx, manifest.New, before), w.Adopt(ctx, manifest.New, before),
			w.Start(ctx, manifest.New, before), w.OpenWindow(), w.OpenDoor(ctx, manifest.New, before, true))
		if warnings, err := w.StartDependents(ctx, before); err != nil || len(warnings) > 0 {
			t.Fatalf("lost call %d: %v, %v", at, warnings, err)
		}
		must(t, w.Unmark(ctx, before), os.RemoveAll(w.root+"/run/"+prefix))
		if got := w.states("rest", "worker-9.6", "web", "customer"); got != "active active active active" {
			t.Fatalf("lost call %d: %s", at, got)
		}
		equal(t, "afterwards", w.tree(t), atFirst)
		if !w.Lost() {
			return // no more calls than that
		}
	}
}
