package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/test/host"
)

// TestKilledEngine kills the engine once in the window and once after the
// commit, and wants it to go on by itself: back, and forward. The reported window must
// hold the whole time in which clients were not let in, the kill included.
func TestKilledEngine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, step string
		want       int // exit code of wait
	}{
		{"in the window", "packages to new", 4},
		{"after the commit", "open the door", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
			editPackagedConfig(t, m)
			before := whole(t, m)
			m.Sh(t, "dnf install -y "+give(t, m, "4.2.0"))
			door := watchDoor(t, m)
			// The kill after the commit must come before clients are let on: the relay does not answer for a moment.
			killed := m.Sh(t, `begun() { for i in $(seq 30000); do grep -q "\"$1\"" /var/lib/`+prefix+`/4.2.0-*/journal.json && break; sleep 0.02; done; }
				begun 'packages to new'; pkill -STOP -f '[e]ngine relay --port'
				begun '`+c.step+`'; sleep 0.2
				pid=$(systemctl show -P MainPID `+prefix+`) && [ $pid -gt 1 ] && kill -9 $pid; date +%s%3N; pkill -CONT -f '[e]ngine relay --port'`)
			code, out := m.ShCode(t, prefix+" wait")
			if code != c.want {
				_, log := m.ShCode(t, prefix+" report")
				t.Fatalf("exit %d, want %d\n%s\n%s", code, c.want, out, log)
			}
			door.compare(t, killed)
			if c.want == 0 {
				checkNew(t, m, "4.2.0")
				checkPackagedConfig(t, m)
				return
			}
			same(t, "before and after", before, whole(t, m))
		})
	}
}

// door asks through the product's door, as clients do, 20 times a second, one question after another, and keeps those that were
// not answered.
type door struct {
	m    *host.Machine
	stop context.CancelFunc
	done sync.WaitGroup
	shut [][2]time.Time // when each was put, and when it failed

	longest time.Duration // that an answer took
}

func watchDoor(t *testing.T, m *host.Machine) *door {
	ctx, stop := context.WithCancel(t.Context())
	d := &door{m: m, stop: stop}
	d.done.Go(func() {
		for tick := time.NewTicker(50 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			asked := time.Now()
			if d.answers(ctx) {
				d.longest = max(d.longest, time.Since(asked))
			} else if ctx.Err() == nil {
				d.shut = append(d.shut, [2]time.Time{asked, time.Now()})
			}
		}
	})
	t.Cleanup(func() { stop(); d.done.Wait() })
	return d
}

func (d *door) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/api/v3.1/version", nil)
	if err != nil {
		return false
	}
	resp, err := d.m.HTTP().Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// compare holds the reported window against what was seen from outside. killed is when
// the engine was, in milliseconds since 1970.
func (d *door) compare(t *testing.T, killed string) {
	t.Helper()
	d.stop()
	d.done.Wait()
	var report struct {
		Closed   time.Time         `json:"closed"`
		Window   manifest.Duration `json:"window"`
		Measured bool              `json:"window_measured"`
	}
	if err := json.Unmarshal([]byte(d.m.Sh(t, prefix+" report --json")), &report); err != nil {
		t.Fatal(err)
	}
	ms, err := strconv.ParseInt(killed, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	opened := report.Closed.Add(report.Window.D() + time.Millisecond) // both are whole milliseconds, cut
	if at := time.UnixMilli(ms); !report.Measured || at.Before(report.Closed) || at.After(opened) {
		t.Errorf("measured %v, from %s to %s: the kill was at %s", report.Measured, report.Closed, opened, at)
	}
	if d.longest < time.Second/5 {
		t.Errorf("nobody was kept out: the longest answer took %s", d.longest)
	}
	for _, q := range d.shut {
		if q[1].Before(report.Closed) || q[0].After(opened) {
			t.Errorf("a question from %s to %s was not answered; the window is from %s to %s", q[0], q[1], report.Closed, opened)
		}
	}
}
