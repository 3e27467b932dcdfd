package upgrade

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/service"
	"onerpm/payload-scripts/internal/systemd"
	"onerpm/test/systemdtest"
)

// unitWorld is an attempt whose product has a service and a door, on a machine with a systemd
// for tests. answers says who answers the door's question besides the door itself.
func unitWorld(t *testing.T, answers func() bool, more ...systemdtest.Unit) (*systemdtest.Manager, *door) {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"/etc/systemd/system", "/run", "/var/lib/demo-upgrade/x"} {
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sm := systemdtest.New(t, root, append(more, systemdtest.Unit{Name: "rest", Active: "active", File: "enabled"}, systemdtest.Unit{Name: "web", Active: "active"})...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if sm.State("web") != "active" && !answers() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	m := &manifest.Manifest{Prefix: "demo-upgrade", Services: []manifest.Service{{Unit: "rest"},
		{Unit: "web", Door: true, Health: &manifest.Health{HTTP: server.URL, Within: manifest.Duration(time.Minute), Expect: manifest.Expect{Status: 200}}}}}
	attempt := layout.Attempt{ID: "x", Var: root + "/var/lib/demo-upgrade/x"}
	work := &job{bundle: &layout.Bundle{Manifest: m, Root: root}, attempt: attempt, journal: newJournal(t, attempt.Var)}
	d := &door{units: &units{job: work, services: serviceOf(t, sm, m, root)}}
	t.Cleanup(func() { d.probe.Stop() })
	return sm, d
}

// serviceOf are the units of a product on a machine.
func serviceOf(t *testing.T, sm *systemdtest.Manager, m *manifest.Manifest, root string) *service.Services {
	t.Helper()
	conn, err := systemd.New(t.Context(), sm.Dial)
	if err != nil {
		t.Fatal(err)
	}
	s := service.New(m, layout.Places{Prefix: m.Prefix, Root: root}, conn)
	t.Cleanup(s.Close)
	return s
}

func nobody() bool { return false }

// do runs steps and fails the test at the first error.
func do(t *testing.T, steps ...error) {
	t.Helper()
	for _, err := range steps {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestServicesThereAndBack goes through the steps about services, on either way, and reads from the disk what was noted.
func TestServicesThereAndBack(t *testing.T) {
	t.Parallel()
	for _, side := range []manifest.Side{manifest.New, manifest.Old} {
		t.Run(string(side), func(t *testing.T) {
			t.Parallel()
			sm, d := unitWorld(t, nobody, systemdtest.Unit{Name: "customer", Active: "active"})
			sm.Change("rest", func(u *systemdtest.Unit) { u.RequiredBy = []string{"customer.service"} })
			ctx := t.Context()
			do(t, d.record(ctx), d.shut(ctx), d.mark(ctx))
			if sm.Try("web") || !sm.Try("customer") {
				t.Error("the door can be started behind the mark")
			}
			do(t, d.stop(ctx), d.markBack(ctx), d.stop(ctx), d.start(ctx, side))
			sm.Try("web")
			do(t, d.stayedShut(ctx), d.open(ctx, side), d.startDependents(ctx), d.unmark(ctx))
			for _, name := range []string{"rest", "web", "customer"} {
				if got := sm.State(name); got != "active" {
					t.Errorf("%s is %s", name, got)
				}
			}
			rec, err := journal.Read(d.attempt.Var)
			if err != nil {
				t.Fatal(err)
			}
			want := journal.Services{Active: map[string]bool{"rest": true, "web": true}, Boot: map[string]string{"rest": "enabled", "web": ""},
				Dependents: map[string][]string{"rest": {"customer.service"}}}
			if !reflect.DeepEqual(rec.Services, want) {
				t.Errorf("recorded %+v", rec.Services)
			}
			if rec.Closed.IsZero() || rec.Reopened.Before(rec.Closed) || !rec.Probed || len(rec.Warnings) > 0 {
				t.Errorf("closed %v, reopened %v, probed %v, warnings %v", rec.Closed, rec.Reopened, rec.Probed, rec.Warnings)
			}
		})
	}
}

// TestAnswerThroughTheShutDoor: whoever it is that lets clients in, the commit is not reached.
func TestAnswerThroughTheShutDoor(t *testing.T) {
	t.Parallel()
	_, d := unitWorld(t, func() bool { return true })
	ctx := t.Context()
	do(t, d.record(ctx), d.shut(ctx))
	d.probe.Await(ctx, time.Minute) // an answer to a question that was put since
	err := d.stayedShut(ctx)
	if err == nil || !strings.Contains(err.Error(), "something else than web lets clients in") {
		t.Errorf("got %v", err)
	}
	do(t, d.open(ctx, manifest.Old), d.unmark(ctx))
}

// TestDoorThatNeverAnswered is told as a warning, and the times are those of its stop and start.
func TestDoorThatNeverAnswered(t *testing.T) {
	t.Parallel()
	sm, d := unitWorld(t, nobody)
	sm.Change("web", func(u *systemdtest.Unit) { u.Active = "reloading" }) // it serves; this test's server does not say so
	ctx := t.Context()
	do(t, d.record(ctx), d.shut(ctx), d.open(ctx, manifest.New), d.unmark(ctx))
	rec := d.journal.Record()
	if rec.Probed || rec.Closed.IsZero() || rec.Reopened.IsZero() || len(rec.Warnings) != 1 || !strings.Contains(rec.Warnings[0], "did not answer its health question before") {
		t.Errorf("got %+v", rec)
	}
	if sm.State("web") != "active" {
		t.Error("the door that was reading its configuration stays shut")
	}
}

// TestDoorThatWasNotShut: a stop while the door's first answer is waited for tells of no time without service.
func TestDoorThatWasNotShut(t *testing.T) {
	t.Parallel()
	sm, d := unitWorld(t, nobody)
	do(t, d.record(t.Context()))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := d.shut(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if rec := d.journal.Record(); !rec.Closed.IsZero() || len(rec.Warnings) > 0 || sm.State("web") != "active" {
		t.Errorf("closed %v, warnings %v; the door is %s", rec.Closed, rec.Warnings, sm.State("web"))
	}
}

// TestDependentIsAWarning: a unit of the machine's own that does not start ends no upgrade.
func TestDependentIsAWarning(t *testing.T) {
	t.Parallel()
	sm, d := unitWorld(t, nobody, systemdtest.Unit{Name: "customer", Active: "active"})
	sm.Change("web", func(u *systemdtest.Unit) { u.ConsistsOf = []string{"customer.service"} })
	ctx := t.Context()
	do(t, d.record(ctx), d.shut(ctx))
	sm.Change("customer", func(u *systemdtest.Unit) { u.Fails = 1 })
	do(t, d.open(ctx, manifest.New), d.startDependents(ctx), d.unmark(ctx))
	if got := d.journal.Record().Warnings; len(got) != 1 || !strings.HasPrefix(got[0], "customer.service ran before, was stopped with web") {
		t.Errorf("got %q", got)
	}
}

// TestStartAgain starts what has died since, and nothing when all runs.
func TestStartAgain(t *testing.T) {
	t.Parallel()
	sm, d := unitWorld(t, nobody)
	ctx := t.Context()
	do(t, d.record(ctx), d.start(ctx, manifest.New))
	sm.Log()
	do(t, d.startAgain(ctx, manifest.New))
	if log := sm.Log(); len(log) > 0 {
		t.Errorf("all runs, and it does %v", log)
	}
	sm.Change("rest", func(u *systemdtest.Unit) { u.Active = "failed" })
	do(t, d.startAgain(ctx, manifest.New))
	if sm.State("rest") != "active" {
		t.Error("what had died is not started")
	}
	resumed := &units{job: d.job, services: d.services}
	sm.Reboot()
	do(t, resumed.startAgain(ctx, manifest.New))
	if sm.State("rest") != "active" || !resumed.started {
		t.Error("after a loss of power it is not started")
	}
}

// TestMarksOfTheWayBack: a way back goes on without marks that cannot be written.
func TestMarksOfTheWayBack(t *testing.T) {
	t.Parallel()
	_, d := unitWorld(t, nobody)
	ctx := t.Context()
	do(t, d.record(ctx), os.RemoveAll(d.bundle.Root+"/etc/systemd/system"), os.WriteFile(d.bundle.Root+"/etc/systemd/system", nil, 0o600))
	if err := d.mark(ctx); err == nil {
		t.Error("the way to the new release goes on without marks")
	}
	do(t, d.markBack(ctx))
}

// TestAwaitOld: the first engine has stopped nothing and looks for nothing.
func TestAwaitOld(t *testing.T) {
	t.Parallel()
	sm, d := unitWorld(t, nobody)
	ctx := t.Context()
	do(t, d.record(ctx))
	sm.Change("rest", func(u *systemdtest.Unit) { u.Active = "failed" })
	do(t, d.journal.Update(func(r *journal.Record) { r.Starts = 1 }), d.awaitOld(ctx))
	time.AfterFunc(100*time.Millisecond, func() { sm.Change("rest", func(u *systemdtest.Unit) { u.Active = "active" }) })
	do(t, d.journal.Update(func(r *journal.Record) { r.Starts = 2 }), d.awaitOld(ctx))
	if got := d.journal.Record().Warnings; len(got) > 0 {
		t.Errorf("got %q", got)
	}
}
