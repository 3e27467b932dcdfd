package service

import (
	"os"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/test/systemdtest"
)

const workerLog = "/var/log/worker.log"

// TestReady waits for what a unit says after its start, and not for what it said before.
func TestReady(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, says string
		side       manifest.Side
		active     string // before
		fails      int
		want       string // part of the error; "" for none
	}{
		{name: "it says so", says: "worker is ready.", side: manifest.New},
		{name: "in the words of the old release", says: "up", side: manifest.Old},
		{name: "in the words of the other release", says: "up", side: manifest.New, want: `worker has not said "ready." within 200ms of its start`},
		{name: "it says nothing", side: manifest.New, want: `has not said "ready."`},
		{name: "it fails", side: manifest.New, fails: 1, want: "start worker.service: systemd says"},
		{name: "an engine before has started it", side: manifest.New, active: "active"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, []manifest.Service{{Unit: "worker", Ready: &manifest.Ready{Says: "ready.", Old: "up", File: workerLog, Within: manifest.Duration(200 * time.Millisecond)}}},
				systemdtest.Unit{Name: "worker", Active: c.active, Fails: c.fails})
			w.write(t, workerLog, "worker is ready.\nand up\n")
			says := time.AfterFunc(50*time.Millisecond, func() {
				f, err := os.OpenFile(w.root+workerLog, os.O_APPEND|os.O_WRONLY, 0)
				if err == nil {
					_, _ = f.WriteString(c.says + "\n")
					_ = f.Close()
				}
			})
			defer says.Stop()
			err := w.Start(t.Context(), c.side, journal.Services{Active: map[string]bool{"worker": true}})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestListen: what a unit says is heard from Listen on, and by one start: the next begins to listen itself.
func TestListen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "worker", Ready: &manifest.Ready{Says: "ready.", File: workerLog, Within: manifest.Duration(200 * time.Millisecond)}}},
		systemdtest.Unit{Name: "worker", Fails: 1})
	before := journal.Services{Active: map[string]bool{"worker": true}}
	w.write(t, workerLog, "worker is ready.\n")
	must(t, w.Listen(t.Context(), manifest.New, before))
	if w.said["worker"] == nil {
		t.Error("nobody listens")
	}
	w.write(t, workerLog, "worker is ready.\nworker is ready.\n")
	if err := w.Start(t.Context(), manifest.New, before); err == nil || !strings.Contains(err.Error(), "systemd says") {
		t.Errorf("a start that fails: %v", err)
	}
	if err := w.Start(t.Context(), manifest.New, before); err == nil || !strings.Contains(err.Error(), "has not said") {
		t.Errorf("the next start, in which it says nothing: %v", err)
	}
	must(t, w.Listen(t.Context(), manifest.New, before))
	w.write(t, workerLog, "worker is ready.\nworker is ready.\nworker is ready.\n")
	must(t, w.systemd.Stop(t.Context(), "worker"), w.Start(t.Context(), manifest.New, before))
}

// TestGraceOfADoor: a door that clings to its clients is killed; other units have all the time that theirs give them.
func TestGraceOfADoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "worker"}, {Unit: "web", Door: true, Grace: manifest.Duration(20 * time.Millisecond)}},
		systemdtest.Unit{Name: "worker", Active: "active", StopTakes: 100 * time.Millisecond}, systemdtest.Unit{Name: "web", Active: "active", StopTakes: time.Hour})
	before := w.record(t)
	must(t, w.CloseDoor(t.Context(), before), w.Stop(t.Context(), before))
	var did []string
	for _, line := range w.Log() {
		if line != "reload" {
			did = append(did, line)
		}
	}
	if got := strings.Join(did, ", "); got != "stop web.service, kill web.service, stop worker.service" {
		t.Errorf("did %s", got)
	}
}

// TestTryDoor: the new release's door can be started behind the marks, by the engine and until a reboot.
func TestTryDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "web", Door: true}})
	before := w.record(t)
	ctx := t.Context()
	must(t, w.CloseDoor(ctx, before), w.MarkWindow(ctx, before), w.TryDoor(ctx, before, true), w.DoorsServe(ctx, manifest.New, before))
	w.Reboot()
	if err := os.RemoveAll(w.root + "/run/" + prefix); err != nil { // in memory
		t.Fatal(err)
	}
	if w.Try("web") {
		t.Error("after a loss of power the door starts before the commit")
	}
	if err := w.DoorsServe(ctx, manifest.New, before); err == nil || !strings.Contains(err.Error(), "web is inactive") {
		t.Errorf("a door that is down: %v", err)
	}
}

// TestListenAgain: what a unit said since an earlier Listen, in which nobody started it, counts no more; and on the way back the old release's
// log file, which comes back after Listen, is not heard from its begin.
func TestListenAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		side      manifest.Side
		meanwhile string
		again     bool
	}{
		"the way there, in vain":   {manifest.New, "\nworker is ready.\nworker is ready.\n", true},
		"the way back, in vain":    {manifest.Old, "\nworker is ready.\nworker is ready.\n", true},
		"a log file that was back": {manifest.Old, "worker is ready.\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, []manifest.Service{{Unit: "worker", Ready: &manifest.Ready{Says: "ready.", File: workerLog, Within: manifest.Duration(200 * time.Millisecond)}}},
				systemdtest.Unit{Name: "worker"})
			before := journal.Services{Active: map[string]bool{"worker": true}}
			w.write(t, workerLog, "worker is ready.\nand up\n")
			must(t, w.Listen(t.Context(), c.side, before))
			w.write(t, workerLog, c.meanwhile)
			if c.again {
				must(t, w.Listen(t.Context(), c.side, before))
			}
			if err := w.Start(t.Context(), c.side, before); err == nil || !strings.Contains(err.Error(), "has not said") {
				t.Errorf("it says nothing, and the start ends with %v", err)
			}
		})
	}
}

// TestListenToWhatCannotBe: it is no reason to end what is done beside it.
func TestListenToWhatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "worker", Ready: &manifest.Ready{Says: "ready.", File: workerLog + "/below", Within: manifest.Duration(200 * time.Millisecond)}}},
		systemdtest.Unit{Name: "worker"})
	before := journal.Services{Active: map[string]bool{"worker": true}}
	w.write(t, workerLog, "")
	must(t, w.Listen(t.Context(), manifest.New, before))
	if err := w.Start(t.Context(), manifest.New, before); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("the start ends with %v", err)
	}
}
