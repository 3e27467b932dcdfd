package systemd

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"onerpm/test/systemdtest"
)

// soon starts work beside the test after a moment.
func soon(work func()) { time.AfterFunc(20*time.Millisecond, work) }

func TestJobs(t *testing.T) {
	t.Parallel()
	const takes = 100 * time.Millisecond
	for _, c := range []struct {
		name   string
		unit   systemdtest.Unit
		during func(*systemdtest.Manager) // while the job runs
		do     func(context.Context, *Conn) error
		want   string // part of the error; "" for none
		state  string
	}{
		{name: "start", unit: systemdtest.Unit{}, state: "active"},
		{name: "it runs already", unit: systemdtest.Unit{Active: "active"}, state: "active"},
		{name: "slow start", unit: systemdtest.Unit{StartTakes: takes}, state: "active"},
		{name: "failed start", unit: systemdtest.Unit{Fails: 1}, want: `start web.service: systemd says "failed"`, state: "failed"},
		{name: "not there", unit: systemdtest.Unit{Load: "not-found"}, want: `start web.service: systemd says "failed"`, state: "inactive"},
		{name: "masked", unit: systemdtest.Unit{Load: "masked"}, want: "start web.service: ", state: "inactive"},
		{name: "a condition", unit: systemdtest.Unit{Own: []string{"ConditionPathExists=/nowhere"}}, state: "inactive"},
		{name: "systemd is re-executed meanwhile", unit: systemdtest.Unit{StartTakes: takes}, during: (*systemdtest.Manager).Disconnect, state: "active"},
		{name: "the signal is lost", unit: systemdtest.Unit{StartTakes: takes}, during: func(m *systemdtest.Manager) { m.Mute(true) }, state: "active"},
		{name: "another job comes in between", unit: systemdtest.Unit{StartTakes: takes}, during: func(m *systemdtest.Manager) { m.Cancel("web") }, state: "active"},
		{name: "stop", unit: systemdtest.Unit{Active: "active"}, do: stop, state: "inactive"},
		{name: "slow stop", unit: systemdtest.Unit{Active: "active", StopTakes: takes}, do: stop, state: "inactive"},
		{name: "stop, re-executed meanwhile", unit: systemdtest.Unit{Active: "active", StopTakes: takes}, during: (*systemdtest.Manager).Disconnect, do: stop, state: "inactive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.unit.Name = "web"
			m := systemdtest.New(t, t.TempDir(), c.unit)
			conn := connect(t, m)
			if c.during != nil {
				soon(func() { c.during(m) })
			}
			if c.do == nil {
				c.do = func(ctx context.Context, c *Conn) error { return c.Start(ctx, "web") }
			}
			err := c.do(t.Context(), conn)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if got := m.State("web"); got != c.state {
				t.Errorf("it is %s, want %s", got, c.state)
			}
		})
	}
}

func stop(ctx context.Context, c *Conn) error { return c.Stop(ctx, "web") }

func TestStopOfNoUnit(t *testing.T) {
	t.Parallel()
	if err := stop(t.Context(), connect(t, systemdtest.New(t, t.TempDir()))); err != nil {
		t.Error(err)
	}
}

func TestStartIsGivenUp(t *testing.T) {
	t.Parallel()
	m := systemdtest.New(t, t.TempDir(), systemdtest.Unit{Name: "web", StartTakes: time.Hour})
	c := connect(t, m)
	ctx, cancel := context.WithCancel(t.Context())
	soon(cancel)
	if err := c.Start(ctx, "web"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestEndless: only a unit without a limit of its own is bounded by ours.
func TestEndless(t *testing.T) {
	t.Parallel()
	m := systemdtest.New(t, t.TempDir(), systemdtest.Unit{Name: "web"}, systemdtest.Unit{Name: "batch", Endless: true})
	c := connect(t, m)
	for name, want := range map[string]bool{"web.service": false, "batch.service": true} {
		if got := c.endless(t.Context(), name, "TimeoutStartUSec"); got != want {
			t.Errorf("%s: endless is %v", name, got)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	c := connect(t, systemdtest.New(t, t.TempDir(), systemdtest.Unit{Name: "web"}))
	got, err := c.Between(t.Context(), "web", "InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")
	if err != nil || got != 2500*time.Millisecond {
		t.Errorf("start took %v, %v", got, err)
	}
	if got, err := c.Between(t.Context(), "web", "ActiveExitTimestampMonotonic", "InactiveEnterTimestampMonotonic"); err != nil || got != 0 {
		t.Errorf("stop took %v, %v", got, err)
	}
}

// TestBegin queues a start and does not wait; one that systemd gave up on is tried again, and an answer may be lost.
func TestBegin(t *testing.T) {
	t.Parallel()
	m := systemdtest.New(t, t.TempDir(), systemdtest.Unit{Name: "engine", Active: "failed", StartTakes: time.Hour})
	c := connect(t, m)
	m.LoseCalls(1, 1)
	if err := c.begin(t.Context(), "engine"); err != nil {
		t.Fatal(err)
	}
	if got := m.State("engine"); got != "activating" {
		t.Errorf("it is %s", got)
	}
	if err := c.begin(t.Context(), "gone"); err == nil || !strings.Contains(err.Error(), "start gone.service: ") {
		t.Errorf("got %v", err)
	}
}

// TestRun: a program that systemd runs ends as it ends, though answers and signals be lost.
func TestRun(t *testing.T) {
	t.Parallel()
	for _, status := range []int32{0, 1, 203} {
		for name, during := range map[string]func(*systemdtest.Manager){
			"undisturbed":      func(*systemdtest.Manager) {},
			"an answer lost":   func(m *systemdtest.Manager) { m.LoseCalls(0, 1) },
			"more of them":     func(m *systemdtest.Manager) { m.LoseCalls(1, 2) },
			"the signal lost":  func(m *systemdtest.Manager) { m.Mute(true) },
			"systemd executed": func(m *systemdtest.Manager) { soon(m.Disconnect) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				m := systemdtest.New(t, t.TempDir())
				m.Transient(50*time.Millisecond, status)
				c := connect(t, m)
				during(m)
				got, err := c.Run(t.Context(), "try", "/opt/p/engine", "help")
				if err != nil || got != int(status) {
					t.Errorf("got %d, %v; want %d", got, err, status)
				}
				if state := m.State("try"); state == "failed" {
					t.Error("its failure is left behind")
				}
			})
		}
	}
}

// TestStopWithin kills what has not stopped in time, and nothing else.
func TestStopWithin(t *testing.T) {
	t.Parallel()
	m := systemdtest.New(t, t.TempDir(), systemdtest.Unit{Name: "quick", Active: "active"}, systemdtest.Unit{Name: "slow", Active: "active", StopTakes: time.Hour})
	c, err := New(t.Context(), m.Dial)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, want := range map[string]string{"quick": "stop quick.service", "slow": "stop slow.service, kill slow.service", "none": ""} {
		m.Log()
		grace := time.Minute
		if name == "slow" {
			grace = 20 * time.Millisecond
		}
		killed := false
		if err := c.StopWithin(t.Context(), name, grace, func() { killed = true }); err != nil || killed != (name == "slow") {
			t.Errorf("%s: %v", name, err)
		}
		if got := strings.Join(m.Log(), ", "); got != want || m.State(name) != "inactive" {
			t.Errorf("%s: did %q, is %s", name, got, m.State(name))
		}
	}
}
