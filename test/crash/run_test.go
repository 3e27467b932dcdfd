package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// diskMiB is the disk of a machine whose power is cut.
const diskMiB = 1536

// sides are what a whole machine is like on either side of a scenario.
type sides struct{ old, new map[string]string }

// slowConf makes the machine's database come up late.
const slowConf = "/etc/systemd/system/postgresql@15-main.service.d/90-slow.conf"

// ready boots a machine with data and everything that an upgrade of a scenario needs.
func ready(t testing.TB, s scenario, rpm string, disk int) *host.Machine {
	t.Helper()
	m := host.Start(t, host.Options{Release: from, Data: true, DiskMiB: disk})
	if err := m.CopyIn(rpm, "/root/bundle.rpm"); err != nil {
		t.Fatal(err)
	}
	if s.spoil != "" {
		m.Sh(t, s.spoil)
	}
	m.Sh(t, "mkdir "+crashDir)
	return m
}

// record runs a scenario through, without a crash, and returns its points and
// what the machine was like before and after it.
func record(t testing.TB, s scenario, rpm string) ([]point, sides) {
	t.Helper()
	m := ready(t, s, rpm, 0)
	found := sides{old: machinecheck.Whole(t, m)}
	m.Sh(t, "touch "+crashDir+"/trace")
	m.Sh(t, byHand)
	finish(t, m, s.ends)
	trace := m.Sh(t, "cat "+crashDir+"/trace")
	points, err := parseTrace(trace)
	if err != nil {
		t.Fatal(err)
	}
	if s.ends == isOld {
		machinecheck.Same(t, "before and after the way back", found.old, machinecheck.Whole(t, m))
		return points, found
	}
	found.new = machinecheck.WholeNew(t, m, machinecheck.Without{})
	return points, found
}

// crash runs a scenario on a fresh machine, lets it die at a point, and proves
// that it came to its side by itself. It returns that side.
func crash(t testing.TB, s scenario, p point, w way, rpm string, known sides) side {
	t.Helper()
	disk, signal := 0, "kill"
	if w != killed {
		disk, signal = diskMiB, "stop"
	}
	m := ready(t, s, rpm, disk)
	m.Sh(t, fmt.Sprintf("cat > %s/die-at <<'POINT'\n%s\t%s\nPOINT\nsync -f /root", crashDir, p.name(), signal))
	m.Sh(t, "("+p.install()+") >/root/dnf.log 2>&1 </dev/null & echo $! >"+crashDir+"/dnf")
	reached := m.Sh(t, `state=/var/lib/`+machinecheck.Prefix+`/state; read -r dnf < `+crashDir+`/dnf
	while :; do
		ended=0 word=
		[ ! -e $state ] || read -r word < $state || :
		if [ ! -d /proc/$dnf ] && [ "$word" != running ] && ! systemctl -q is-active `+machinecheck.Prefix+`; then ended=1; fi
		if [ -e `+crashDir+`/here ]; then cat `+crashDir+`/here; exit; fi
		if [ $ended = 1 ]; then echo "never: $word"; exit; fi
		sleep 0.2
	done`)
	if reached != p.name() {
		t.Fatalf("the point was not reached: %s", reached)
	}
	if w != killed {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		if err := m.PowerCut(ctx); err != nil {
			t.Fatal(err)
		}
		if w == cutSlow {
			if err := m.WriteFile(slowConf, []byte("[Service]\nExecStartPre=/bin/sleep 6\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		release := ended(t, m)
		if err := m.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if release != "" { // the product's start is systemd's business
			if err := m.AwaitProduct(ctx, release); err != nil {
				t.Fatal(err)
			}
		}
	}
	if w == cutSlow { // what it did is done; the machine is compared without it
		m.Sh(t, `for i in $(seq 600); do systemctl -q is-active postgresql@15-main && break; sleep 0.1; done
			rm `+slowConf+`; rmdir --ignore-fail-on-non-empty $(dirname `+slowConf+`); systemctl daemon-reload`)
	}
	if p.Phase == "start" {
		startAgain(t, m, known.old)
	}
	got := finish(t, m, s.must(p, w))
	if got == isNew {
		machinecheck.Same(t, "the new release after a crash and without one", known.new, machinecheck.WholeNew(t, m, machinecheck.Without{}))
	} else {
		machinecheck.Same(t, "the old release before and after", known.old, machinecheck.Whole(t, m))
	}
	return got
}

// ended tells the release at which an attempt left a machine that is off, if its end is on the disk.
func ended(t testing.TB, m *host.Machine) string {
	t.Helper()
	journals, err := filepath.Glob(m.Path("/var/lib/" + machinecheck.Prefix + "/*/journal.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range journals {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var rec struct{ Outcome string }
		if err := json.Unmarshal(text, &rec); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		switch rec.Outcome {
		case "upgraded":
			return to
		case "rolled-back":
			return from
		}
	}
	return ""
}

// byHand is what a customer types.
const byHand = "dnf install -y /root/bundle.rpm"

// install is how the bundle gets onto the machine: rpm does for a point that comes
// after dnf's part, in a tenth of the time.
func (p point) install() string {
	if p.Phase == "start" || p.Step == prepareBegins {
		return byHand
	}
	return "rpm -i --nosignature /root/bundle.rpm"
}

// prepareBegins is the step in which the upgrade may still meet the dnf that brought it.
const prepareBegins = "wait for other package managers"

// startAgain has a machine whose start was cut short: the upgrade is under way all the
// same, or nothing has happened to the machine and a start by hand is enough.
func startAgain(t testing.TB, m *host.Machine, old map[string]string) {
	t.Helper()
	m.Sh(t, "while [ -d /proc/$(cat "+crashDir+"/dnf 2>/dev/null || echo none) ]; do sleep 0.1; done")
	_, word := m.ShCode(t, "systemctl is-active "+machinecheck.Prefix)
	if word = strings.TrimSpace(word); word == "active" {
		return
	}
	if _, state := m.ShCode(t, "cat /var/lib/"+machinecheck.Prefix+"/state"); strings.TrimSpace(state) == "done" {
		return
	}
	now := machinecheck.Whole(t, m)
	for path := range now {
		if strings.Contains(path, "/"+machinecheck.Prefix+".service") || strings.Contains(path, "/."+machinecheck.Prefix+".service.") { // and what was being written of it
			delete(now, path)
		}
	}
	machinecheck.Same(t, "the machine before and after a start that was cut short", old, now)
	if code, out := m.ShCode(t, machinecheck.Prefix+" start"); code != 0 {
		t.Fatalf("start after a start that was cut short: exit %d\n%s", code, out)
	}
}

// finish waits for the attempt's end and proves that the machine is on the side it must be.
func finish(t testing.TB, m *host.Machine, want side) side {
	t.Helper()
	code, out := m.ShCode(t, "timeout 400 "+machinecheck.Prefix+" wait")
	var got side
	switch code {
	case 0:
		got = isNew
	case 4:
		got = isOld
	default:
		t.Fatalf("wait: exit %d\n%s", code, out+machinecheck.Report(t, m))
	}
	machinecheck.AwaitEnd(t, m)
	if want != either && got != want {
		t.Fatalf("the machine is %s, must be %s\n%s", got, want, out+machinecheck.Report(t, m))
	}
	if got == isNew {
		machinecheck.New(t, m, to)
	} else {
		machinecheck.Old(t, m, to)
	}
	return got
}
