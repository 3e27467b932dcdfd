package window

import (
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/job/jobtest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/test/systemdtest"
)

// unitWorld is the door of an attempt whose product has a service and a door. answers says who answers
// the door's question besides the door itself.
func unitWorld(t *testing.T, answers func() bool, more ...systemdtest.Unit) (*systemdtest.Manager, *Door) {
	t.Helper()
	sm, work := jobtest.Units(t, answers, more...)
	d := &Door{Units: NewUnits(work, jobtest.Services(t, sm, work))}
	t.Cleanup(func() { d.probe.Stop() })
	return sm, d
}

// TestServicesThereAndBack goes through the steps about services, on either way, and reads from the disk what was noted.
func TestServicesThereAndBack(t *testing.T) {
	t.Parallel()
	for _, side := range []manifest.Side{manifest.New, manifest.Old} {
		t.Run(string(side), func(t *testing.T) {
			t.Parallel()
			sm, d := unitWorld(t, jobtest.Nobody, systemdtest.Unit{Name: "customer", Active: "active"})
			sm.Change("rest", func(u *systemdtest.Unit) { u.RequiredBy = []string{"customer.service"} })
			ctx := t.Context()
			jobtest.Do(t, d.Record(ctx), d.Shut(ctx), d.Mark(ctx))
			if sm.Try("web") || !sm.Try("customer") {
				t.Error("the door can be started behind the mark")
			}
			jobtest.Do(t, d.Stop(ctx), d.MarkBack(ctx), d.Stop(ctx), d.Start(ctx, side))
			sm.Try("web")
			jobtest.Do(t, d.StayedShut(ctx), d.Open(ctx, side), d.StartDependents(ctx), d.Unmark(ctx))
			for _, name := range []string{"rest", "web", "customer"} {
				if got := sm.State(name); got != "active" {
					t.Errorf("%s is %s", name, got)
				}
			}
			rec, err := journal.Read(d.Attempt.Var)
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
	jobtest.Do(t, d.Record(ctx), d.Shut(ctx))
	d.probe.Await(ctx, time.Minute) // an answer to a question that was put since
	err := d.StayedShut(ctx)
	if err == nil || !strings.Contains(err.Error(), "something else than web lets clients in") {
		t.Errorf("got %v", err)
	}
	jobtest.Do(t, d.Open(ctx, manifest.Old), d.Unmark(ctx))
}

// TestDoorThatNeverAnswered is reported as a warning, and the times are those of its stop and start.
func TestDoorThatNeverAnswered(t *testing.T) {
	t.Parallel()
	sm, d := unitWorld(t, jobtest.Nobody)
	sm.Change("web", func(u *systemdtest.Unit) { u.Active = "reloading" }) // it serves; this test's server does not say so
	ctx := t.Context()
	jobtest.Do(t, d.Record(ctx), d.Shut(ctx), d.Open(ctx, manifest.New), d.Unmark(ctx))
	rec := d.Journal.Record()
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
	sm, d := unitWorld(t, jobtest.Nobody)
	jobtest.Do(t, d.Record(t.Context()))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := d.Shut(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if rec := d.Journal.Record(); !rec.Closed.IsZero() || len(rec.Warnings) > 0 || sm.State("web") != "active" {
		t.Errorf("closed %v, warnings %v; the door is %s", rec.Closed, rec.Warnings, sm.State("web"))
	}
}

// TestDependentIsAWarning: a unit of the machine's own that does not start ends no upgrade.
func TestDependentIsAWarning(t *testing.T) {
	t.Parallel()
	sm, d := unitWorld(t, jobtest.Nobody, systemdtest.Unit{Name: "customer", Active: "active"})
	sm.Change("web", func(u *systemdtest.Unit) { u.ConsistsOf = []string{"customer.service"} })
	ctx := t.Context()
	jobtest.Do(t, d.Record(ctx), d.Shut(ctx))
	sm.Change("customer", func(u *systemdtest.Unit) { u.Fails = 1 })
	jobtest.Do(t, d.Open(ctx, manifest.New), d.StartDependents(ctx), d.Unmark(ctx))
	if got := d.Journal.Record().Warnings; len(got) != 1 || !strings.HasPrefix(got[0], "customer.service ran before, was stopped with web") {
		t.Errorf("got %q", got)
	}
}

// TestStartAgain starts what has died since, and nothing when all runs.
func TestStartAgain(t *testing.T) {
	t.Parallel()
	sm, d := unitWorld(t, jobtest.Nobody)
	ctx := t.Context()
	jobtest.Do(t, d.Record(ctx), d.Start(ctx, manifest.New))
	sm.Log()
	jobtest.Do(t, d.StartAgain(ctx, manifest.New))
	if log := sm.Log(); len(log) > 0 {
		t.Errorf("all runs, and it does %v", log)
	}
	sm.Change("rest", func(u *systemdtest.Unit) { u.Active = "failed" })
	jobtest.Do(t, d.StartAgain(ctx, manifest.New))
	if sm.State("rest") != "active" {
		t.Error("what had died is not started")
	}
	resumed := NewUnits(d.Job, d.services)
	sm.Reboot()
	jobtest.Do(t, resumed.StartAgain(ctx, manifest.New))
	if sm.State("rest") != "active" || !resumed.started {
		t.Error("after a loss of power it is not started")
	}
}

// TestMarksOfTheWayBack: a way back goes on without marks that cannot be written.
func TestMarksOfTheWayBack(t *testing.T) {
	t.Parallel()
	_, d := unitWorld(t, jobtest.Nobody)
	ctx := t.Context()
	jobtest.Do(t, d.Record(ctx), os.RemoveAll(d.Bundle.Root+"/etc/systemd/system"), os.WriteFile(d.Bundle.Root+"/etc/systemd/system", nil, 0o600))
	if err := d.Mark(ctx); err == nil {
		t.Error("the way to the new release goes on without marks")
	}
	jobtest.Do(t, d.MarkBack(ctx))
}

// TestAwaitOld: the first engine has stopped nothing and looks for nothing.
func TestAwaitOld(t *testing.T) {
	t.Parallel()
	sm, d := unitWorld(t, jobtest.Nobody)
	ctx := t.Context()
	jobtest.Do(t, d.Record(ctx))
	sm.Change("rest", func(u *systemdtest.Unit) { u.Active = "failed" })
	jobtest.Do(t, d.Journal.Update(func(r *journal.Record) { r.Starts = 1 }), d.AwaitOld(ctx))
	time.AfterFunc(100*time.Millisecond, func() { sm.Change("rest", func(u *systemdtest.Unit) { u.Active = "active" }) })
	jobtest.Do(t, d.Journal.Update(func(r *journal.Record) { r.Starts = 2 }), d.AwaitOld(ctx))
	if got := d.Journal.Record().Warnings; len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

// TestNobodyIn: what clients have written since an attempt needed a person is not put back over.
func TestNobodyIn(t *testing.T) {
	t.Parallel()
	sm, d := unitWorld(t, jobtest.Nobody)
	m := &manifest.Manifest{State: []string{"/var/lib/app"}}
	rec := journal.Record{Phase: journal.Switching, Back: true, Closed: time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)}
	err := CheckDoorsClosed(t.Context(), d.services, m, rec)
	if !errors.Is(err, ErrServing) {
		t.Fatalf("the door runs: %v", err)
	}
	for _, want := range []string{"by web,", "packages and configuration, /var/lib/app", "2026-03-01 12:00", "stop web, then start again"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it is not said %q: %v", want, err)
		}
	}
	sm.Change("web", func(u *systemdtest.Unit) { u.Active = "inactive" })
	if err := CheckDoorsClosed(t.Context(), d.services, m, rec); err != nil {
		t.Errorf("the door is shut: %v", err)
	}
}
