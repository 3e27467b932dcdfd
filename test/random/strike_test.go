package random

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"onerpm/test/host"
)

// patience is how long an engine or a database is waited for that a fault is to kill.
const patience = 3 * time.Second

// blow is a fault that was made.
type blow struct {
	hit      string    // where the attempt was, or what was not there to be killed
	from, to time.Time // when it was made
	forgets  bool      // an Elasticsearch that served forgot what it had not made durable
}

// strike waits for the time of a fault and makes it.
func strike(ctx context.Context, m *machine, w *watch, f fault) (b blow, err error) {
	if f.After != "" {
		if _, err := w.await(ctx, f.After); err != nil {
			return b, fmt.Errorf("wait for the phase %s: %w", f.After, err)
		}
	}
	if err := awaitDelay(ctx, m, w, f); err != nil {
		return b, err
	}
	victims, err := awaitVictims(ctx, m, w, f.Kind)
	if err != nil {
		return b, err
	}
	at, err := w.look()
	if err != nil {
		return b, err
	}
	b.hit = at.hit()
	if kills(f.Kind) && len(victims) == 0 {
		b.hit = noProcess + b.hit
		return b, nil
	}
	b.forgets = m.jump == first && (f.Kind == elastic || f.Kind == power) && !at.committed()
	b.from = time.Now()
	err = act(ctx, m.Machine, f.Kind, victims)
	if b.to = time.Now(); err != nil {
		return b, fmt.Errorf("%s: %w", f.Kind, err)
	}
	return b, nil
}

// kills says whether a fault is a SIGKILL.
func kills(k kind) bool {
	return slices.Contains([]kind{engine, rpmAlone, rpmParent, postgres, elastic, child}, k)
}

// commands are the faults that are one.
var commands = map[kind]string{
	dbus:         "systemctl restart dbus",
	dbusAway:     "systemctl stop dbus.socket dbus.service; sleep 3; systemctl start dbus.socket dbus.service",
	postgresAway: "systemctl stop postgresql@15-main; sleep 8; systemctl start postgresql-9.5",
	reexec:       "systemctl daemon-reexec",
	stop:         "systemctl stop " + prefix + " 2>/dev/null || true",     // there may be no unit any more
	rollback:     prefix + " rollback >/dev/null 2>&1 </dev/null || true", // it may be too late for it
}

// act makes a fault.
func act(ctx context.Context, m *host.Machine, k kind, victims []int) error {
	switch {
	case kills(k):
		return kill(victims)
	case k == power:
		if err := m.PowerCut(ctx); err != nil {
			return err
		}
		return m.Start(ctx)
	case k == reboot:
		return m.Reboot(ctx)
	}
	return command(ctx, m, commands[k])
}

// comes says whether what a fault kills is there only for a part of an attempt: an rpm, and of the first jump either database.
func comes(m *machine, k kind) bool {
	return k == rpmAlone || k == rpmParent || m.jump == first && (k == postgres || k == elastic)
}

// awaitDelay waits for as long as a fault says; that of what comes counts from when it is there.
func awaitDelay(ctx context.Context, m *machine, w *watch, f fault) error {
	if comes(m, f.Kind) {
		if _, err := awaitVictims(ctx, m, w, f.Kind); err != nil {
			return err
		}
	}
	return sleep(ctx, f.Delay)
}

// awaitVictims waits for what a fault kills: an engine that systemd is about to start again for a
// moment, what comes for as long as the attempt is under way or about to begin. There may be none.
func awaitVictims(ctx context.Context, m *machine, w *watch, k kind) ([]int, error) {
	if !kills(k) {
		return nil, nil
	}
	for until := time.Now().Add(patience); ; {
		if found := victims(m.Processes(), k); len(found) > 0 {
			return found, nil
		}
		a, err := w.look()
		if err != nil {
			return nil, err
		}
		over := time.Now().After(until)
		if comes(m, k) {
			over = a.at() == ended || over && a.at() == starting && !startsNow(ctx, m)
		}
		if over {
			return nil, nil
		}
		if err := sleep(ctx, poll); err != nil {
			return nil, err
		}
	}
}

// startsNow says whether a start is under way, or an engine that it has brought: a fault may have had the start refused.
func startsNow(ctx context.Context, m *machine) bool {
	return command(ctx, m.Machine, "systemctl -q is-active test-start || systemctl is-active "+prefix+" | grep -qx -e active -e activating") == nil
}

// victims are the processes that a fault kills, in that order.
func victims(all []host.Process, k kind) []int {
	var found, parents []int
	for _, p := range all {
		switch k {
		case engine:
			if isEngine(p) {
				found = append(found, p.PID)
			}
		case rpmAlone, rpmParent:
			if p.Is("rpm") && (slices.Contains(p.Args, "-U") || slices.Contains(p.Args, "-e")) && !slices.Contains(p.Args, "--justdb") && !slices.Contains(p.Args, "--test") {
				found = append(found, p.PID)
				parents = append(parents, p.Parent)
			}
		case child:
			if !p.Is("rpm") && slices.ContainsFunc(all, func(e host.Process) bool { return e.PID == p.Parent && isEngine(e) }) {
				found = append(found, p.PID)
			}
		case postgres:
			if p.Is("postgres") {
				found = append(found, p.PID)
			}
		case elastic:
			if p.Is("java") && slices.Contains(p.Args, "org.elasticsearch.bootstrap.Elasticsearch") {
				found = append(found, p.PID)
			}
		}
	}
	if k == rpmParent {
		for _, p := range all {
			if slices.Contains(parents, p.PID) && isEngine(p) {
				found = append(found, p.PID)
			}
		}
	}
	return found
}

// isEngine says whether a process works on an upgrade.
func isEngine(p host.Process) bool {
	return p.Is("engine") && len(p.Args) > 1 && slices.Contains([]string{"run", "start", "installed"}, p.Args[1])
}

func kill(pids []int) error {
	var errs []error
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func command(ctx context.Context, m *host.Machine, script string) error {
	r, err := m.Shell(ctx, script)
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("%s: exit %d: %s", script, r.Code, strings.TrimSpace(r.Stdout+r.Stderr))
	}
	return err
}

func TestVictims(t *testing.T) {
	t.Parallel()
	process := func(pid, parent int, line string) host.Process {
		return host.Process{PID: pid, Parent: parent, Args: strings.Fields(line)}
	}
	all := []host.Process{
		process(1, 0, "/lib/systemd/systemd"),
		process(10, 1, "/opt/p/run/1/bin/engine run"),
		process(11, 10, "rpm -U --oldpackage /opt/p/run/1/packages/a.rpm"),
		process(12, 10, "rpm -U --test --dbpath /tmp/x a.rpm"),
		process(13, 10, "rpm -U --justdb --noscripts a.rpm"),
		process(14, 10, "rpm -q a"),
		process(16, 10, "pg_dump --format=custom"),
		process(15, 11, "/bin/sh /var/tmp/rpm-tmp.x 1"),
		process(20, 1, "/usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql/15/main"),
		process(21, 20, "postgres checkpointer"),
		process(22, 1, "/usr/bin/java -Xms1g -cp x org.elasticsearch.bootstrap.Elasticsearch"),
		process(23, 1, "/usr/bin/java -jar x"),
		process(30, 1, "/opt/p/run/1/bin/engine status --follow"),
		process(31, 30, "rpm -U b.rpm"),
	}
	for k, want := range map[kind][]int{
		engine: {10}, rpmAlone: {11, 31}, rpmParent: {11, 31, 10}, postgres: {20, 21}, elastic: {22}, child: {16}, dbus: nil, power: nil,
	} {
		if got := victims(all, k); !slices.Equal(got, want) {
			t.Errorf("%s kills %v, want %v", k, got, want)
		}
	}
}
