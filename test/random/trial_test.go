package random

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// side is what a machine is when an attempt has ended.
type side string

const (
	isOld side = "old"
	isNew side = "new"
)

// prefix is the name of the product's bundles.
const prefix = machinecheck.Prefix

const (
	diskMiB    = 2048
	trialLimit = 10 * time.Minute
)

// A machine is used for another trial when an attempt has left it old, so that retries are
// tried too; but not for ever.
const trialsEach = 4

// machine is a test machine that waits for an upgrade.
type machine struct {
	*host.Machine
	jump    jump
	old     map[string]string // the whole of it
	without machinecheck.Without
	trials  int
}

// boot makes a machine with data and the bundle of a jump on it; nothing is started.
func boot(t testing.TB, j jump, bundle string) *machine {
	t.Helper()
	m, err := host.Boot(t.Context(), host.Options{Release: j.From, Data: true, DiskMiB: diskMiB})
	if err != nil {
		t.Fatalf("boot a test machine: %v", err)
	}
	found := &machine{Machine: m, jump: j}
	if err := m.CopyIn(bundle, "/root/bundle.rpm"); err != nil {
		t.Fatal(err)
	}
	if j == first {
		m.Sh(t, machinecheck.Administrator("admin", "open-sesame-42")) // as whom the load writes later
	}
	m.Sh(t, `mkdir -p /etc/`+prefix+` /etc/systemd/system/postgresql@15-main.service.d; touch /etc/`+prefix+`/manual
printf '[Service]\nRestart=on-failure\nRestartSec=500ms\n' > /etc/systemd/system/postgresql@15-main.service.d/restart.conf
systemctl daemon-reload
rpm -i --nosignature /root/bundle.rpm >/dev/null 2>&1; rm /root/bundle.rpm; sync`)
	found.without = machinecheck.WithoutWrites(t, m)
	found.old = machinecheck.WholeWithout(t, m, found.without)
	return found
}

// outcome is how a trial ended.
type outcome struct {
	side      side
	hits      []string // where each fault came
	retried   bool     // the start was cut off before there was an attempt, and was done again
	acked     int      // acknowledged writes
	forgotten int      // others, which an Elasticsearch that was killed need not have
	refused   int      // requests that were refused or got no answer
	lost      int      // acknowledged writes that are not there
}

// try makes one trial on a machine that is old, and proves what it is then. It notes in o how far it came.
func try(t testing.TB, m *machine, p plan, known map[string]string, o *outcome) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), trialLimit)
	defer cancel()
	m.trials++
	if p.Back {
		m.Sh(t, machinecheck.Spoil(p.Jump.To))
	}
	l := startLoad(t.Context(), m, fmt.Sprintf("%d-%d", p.N, m.trials), p.Seed)
	defer l.end()
	l.await(t, 3)
	w, err := watchOf(m.Machine)
	if err != nil {
		t.Fatal(err)
	}
	m.Sh(t, "systemd-run --quiet --collect --unit test-start "+prefix+" start")
	var blows []blow
	for _, f := range p.Faults {
		b, err := strike(ctx, m, w, f)
		blows, o.hits = append(blows, b), append(o.hits, b.hit)
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
	}
	o.retried = begun(ctx, t, m, w, l, p.Jump.From)
	o.side = finish(t, m)
	if err := m.AwaitProduct(ctx, map[side]string{isOld: p.Jump.From, isNew: p.Jump.To}[o.side]); err != nil {
		t.Fatal(err)
	}
	l.await(t, 3)
	l.end()
	for _, b := range blows {
		if b.forgets {
			o.forgotten += l.forget(b)
		}
	}
	l.client.Settle(t)
	o.acked, o.refused, o.lost = l.client.Acknowledged(), l.client.Refused, l.client.Lost(t)
	if p.Back {
		m.Sh(t, machinecheck.Mend)
	}
	compare(t, m, o.side, known)
	if p.Back && o.side == isNew {
		t.Error("the machine is new, and the new release does not start")
	}
}

// begun waits until an engine works on an attempt, or does the start again that was cut off or stopped; it says whether it had to. Where there
// is no attempt yet, a start is refused while something of the product is down: what a fault has killed must have come back, and all of it is
// the old release still. An attempt that was stopped half-way may have taken the product down; nothing but a start brings it back.
func begun(ctx context.Context, t testing.TB, m *machine, w *watch, l *load, old string) (retried bool) {
	t.Helper()
	m.Sh(t, "for i in $(seq 600); do systemctl -q is-active test-start || break; sleep 0.1; done")
	if _, word := m.ShCode(t, "systemctl is-active "+prefix); strings.TrimSpace(word) == "active" || strings.TrimSpace(word) == "activating" {
		return false
	}
	a, err := w.look() // after the unit was asked: it may have ended just now, with the attempt
	if err != nil {
		t.Fatal(err)
	}
	if a.at() == ended {
		return false
	}
	if a.at() == starting {
		m.settle(t)
		if err := m.AwaitProduct(ctx, old); err != nil {
			t.Fatal(err)
		}
		l.await(t, 3) // it may tell its version without its database
	}
	code, out := m.ShCode(t, prefix+" start")
	if code != 0 && code != 7 { // 7: systemd was about to run the engine again
		t.Fatalf("start after a start that was cut off or stopped: exit %d\n%s", code, out)
	}
	return code == 0
}

// finish waits for the end of the attempt. That a person is needed is a fault: nothing was done to the
// machine that a retry would not do away with.
func finish(t testing.TB, m *machine) side {
	t.Helper()
	code, out := m.ShCode(t, "timeout 400 "+prefix+" wait")
	switch code {
	case 0, 6:
		return isNew
	case 3, 4:
		return isOld
	case 5:
		story := out + machinecheck.Report(t, m.Machine)
		again, _ := m.ShCode(t, prefix+" start && timeout 400 "+prefix+" wait")
		t.Fatalf("wait: exit 5; start again, and wait: exit %d\n%s", again, story)
	default:
		t.Fatalf("wait: exit %d\n%s", code, out+machinecheck.Report(t, m.Machine))
	}
	return ""
}

// settle waits until none of the product's units is starting or stopping.
func (m *machine) settle(t testing.TB) {
	t.Helper()
	m.Sh(t, `for i in $(seq 300); do systemctl list-units --no-legend --plain --state=activating,deactivating,reloading 'cloudify-*' nginx.service postgresql@15-main.service elasticsearch.service logstash.service | grep -q . || break; sleep 0.1; done`)
}

// compare proves that a machine is all old or all new.
func compare(t testing.TB, m *machine, s side, known map[string]string) {
	t.Helper()
	m.settle(t)
	if s == isNew {
		machinecheck.New(t, m.Machine, m.jump.To)
		machinecheck.Same(t, "the new release after a fault and without one", known, machinecheck.WholeNew(t, m.Machine, m.without))
		return
	}
	machinecheck.Same(t, "the old release before and after", m.old, machinecheck.WholeWithout(t, m.Machine, m.without))
	if code, out := m.ShCode(t, prefix+" start --help >/dev/null && curl -fsS -m 10 http://127.0.0.1/api/v2.1/version"); code != 0 || !strings.Contains(out, `"`+m.jump.From+`"`) {
		t.Errorf("the old release does not answer through the door: %s", out)
	}
}

// record upgrades a machine without a fault and returns what it is like then.
func record(t testing.TB, j jump, bundle string) map[string]string {
	t.Helper()
	m := boot(t, j, bundle)
	defer m.end(t)
	l := startLoad(t.Context(), m, "record", 0)
	defer l.end()
	l.await(t, 3)
	m.Sh(t, prefix+" start && "+prefix+" wait")
	l.await(t, 3)
	l.end()
	l.client.Settle(t)
	l.client.Lost(t)
	machinecheck.New(t, m.Machine, j.To)
	return machinecheck.WholeNew(t, m.Machine, m.without)
}

// end stops the machine.
func (m *machine) end(t testing.TB) {
	t.Helper()
	if err := m.Stop(); err != nil {
		t.Errorf("stop the test machine: %v", err)
	}
}
