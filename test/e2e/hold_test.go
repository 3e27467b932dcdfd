package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"onerpm/test/crowd"
	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// TestClientsWait has clients from outside ask through the door, over TLS, on connections that they keep, during an upgrade
// that goes back and during one: they wait, and no request fails.
func TestClientsWait(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	o := m.Outside(t)
	m.Sh(t, "mkdir -p /etc/"+prefix+" && touch /etc/"+prefix+"/manual && dnf install -y "+give(t, m, "4.2.0"))
	for _, c := range []struct {
		name, before, after string
		code                int
		release             string
	}{
		{"an upgrade that goes back", restDropIn(`ExecStartPre=/bin/sh -c "! grep -q wsgi /usr/lib/systemd/system/cloudify-restservice.service"`), restMend, 4, "4.1.1"},
		{"an upgrade", "true", "true", 0, "4.2.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m.Sh(t, c.before)
			writes := fmt.Sprintf("crowd%d", c.code)
			all, err := crowd.Start(t.Context(), crowd.Options{Dial: o.Dial, Address: host.Address + ":53333", TLS: true, Clients: 200, Every: 20 * time.Millisecond, Request: product(writes)})
			if err != nil {
				t.Fatal(err)
			}
			code, out := m.ShCode(t, prefix+" start && "+prefix+" wait")
			for n := all.Count() + 100; all.Count() < n; {
				time.Sleep(20 * time.Millisecond)
			}
			answers := all.End()
			if code != c.code {
				_, report := m.ShCode(t, prefix+" report")
				t.Fatalf("exit %d, want %d\n%s\n%s", code, c.code, out, report)
			}
			judge(t, m, answers, writes, c.release)
			nothingHeld(t, m)
			m.Sh(t, c.after)
		})
	}
}

// TestRelayIsKilled again and again while clients are held: those that it had are lost, and nobody sees the new release before the commit.
func TestRelayIsKilled(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	o := m.Outside(t)
	m.Sh(t, "mkdir -p /etc/"+prefix+" && touch /etc/"+prefix+"/manual && dnf install -y "+give(t, m, "4.2.0"))
	all, err := crowd.Start(t.Context(), crowd.Options{Dial: o.Dial, Address: host.Address + ":53333", TLS: true, Clients: 50, Every: 20 * time.Millisecond, Request: product("killed")})
	if err != nil {
		t.Fatal(err)
	}
	code, out := m.ShCode(t, `systemd-run --quiet --collect --unit killer sh -c 'while sleep 0.3; do pkill -KILL -f "[e]ngine relay --port"; done'
`+prefix+" start && "+prefix+" wait; code=$?; systemctl stop killer; exit $code")
	for n := all.Count() + 50; all.Count() < n; {
		time.Sleep(20 * time.Millisecond)
	}
	answers := all.End()
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	var report told
	read(t, m, &report)
	commit := report.commit()
	ids := map[string]bool{}
	for _, id := range strings.Fields(m.Sh(t, machinecheck.SQL("select id from blueprints"))) {
		ids[id] = true
	}
	failed := 0
	for _, a := range answers {
		switch {
		case a.Failed():
			failed++
			if a.Refused() || a.Status != 0 {
				t.Errorf("turned away: %s", a)
			}
		case a.N%5 == 4:
			if id := fmt.Sprintf("load-killed-%d", a.N); !ids[id] {
				t.Errorf("the acknowledged upload %s is lost", id)
			}
		case a.Sent.Add(a.Took).Before(commit) && !strings.Contains(string(a.Body), "4.1.1"), a.Sent.After(commit) && !strings.Contains(string(a.Body), "4.2.0"):
			t.Errorf("request %d, sent %s and answered %s after the commit, by %s", a.N, a.Sent.Sub(commit), a.Sent.Add(a.Took).Sub(commit), a.Body)
		}
	}
	t.Logf("%d requests, %d failed", len(answers), failed)
	nothingHeld(t, m)
	checkNew(t, m, "4.2.0")
}

// told is what a test needs of an upgrade's own report.
type told struct {
	Outcome  string    `json:"outcome"`
	Window   string    `json:"window"`
	Closed   time.Time `json:"closed"`
	Clients  struct{ Taken, Left, Failed, TimedOut int }
	Warnings []string `json:"warnings"`
	Steps    []struct {
		Phase, Name  string
		Began, Ended time.Time
	}
}

func read(t *testing.T, m *host.Machine, r *told) {
	t.Helper()
	if err := json.Unmarshal([]byte(m.Sh(t, prefix+" report --json")), r); err != nil {
		t.Fatal(err)
	}
}

// commit is when the upgrade was, zero when it went back.
func (r told) commit() time.Time {
	for _, s := range r.Steps {
		if s.Phase == "open" {
			return s.Began
		}
	}
	return time.Time{}
}

// shut says from when to when no client was let in, by the steps: from the end of the one that shut the door to the begin of the one
// that opened it. The times of the window are those of answers, which come a little before the one and after the other.
func (r told) shut(t *testing.T) (from, to time.Time) {
	t.Helper()
	for _, s := range r.Steps {
		switch s.Name {
		case "shut the door":
			from = s.Ended
		case "open the door":
			to = s.Began
		}
	}
	if from.IsZero() || !to.After(from) {
		t.Fatalf("the report has no door that was shut and opened: from %s to %s", from, to)
	}
	return from, to
}

// product is a crowd's requests: four of five ask for the version, one uploads a blueprint.
func product(name string) func(n int) (string, string, http.Header, []byte) {
	header := http.Header{"Authorization": {"Basic YWRtaW46b3Blbi1zZXNhbWUtNDI="}, "Tenant": {"default_tenant"}}
	return func(n int) (string, string, http.Header, []byte) {
		if n%5 == 4 {
			return http.MethodPut, fmt.Sprintf("/api/v2.1/blueprints/load-%s-%d?application_file_name=blueprint.yaml", name, n), header, machinecheck.Blueprint("of a crowd")
		}
		return http.MethodGet, "/api/v3.1/version", header, nil
	}
}

// judge looks at every answer: none failed, none was the new release's before the commit or the old one's after it, nobody waited
// longer than the window and a little, and every acknowledged write is there.
func judge(t *testing.T, m *host.Machine, answers []crowd.Answer, writes, release string) {
	t.Helper()
	var report told
	read(t, m, &report)
	window, err := time.ParseDuration(report.Window)
	if err != nil {
		t.Fatal(err)
	}
	commit := report.commit()
	var longest time.Duration
	failed := 0
	ids := map[string]bool{}
	for _, id := range strings.Fields(m.Sh(t, machinecheck.SQL("select id from blueprints"))) {
		ids[id] = true
	}
	for _, a := range answers {
		longest = max(longest, a.Took)
		if a.Failed() {
			failed++
			// The door ends kept connections when it stops, and a request may be on its way by then: TLS cannot be passed on.
			if last := a.Sent.Sub(report.Closed); !a.Kept || a.Status >= 500 || last < -time.Second || last > 3*time.Second || failed > 3 {
				t.Errorf("failed, sent %s after clients were first held: %s", last, a)
			}
			continue
		}
		if a.N%5 == 4 {
			if id := fmt.Sprintf("load-%s-%d", writes, a.N); a.Status != http.StatusCreated || !ids[id] {
				t.Errorf("upload %s: status %d, there: %v", id, a.Status, ids[id])
			}
			continue
		}
		var is struct{ Version string }
		if err := json.Unmarshal(a.Body, &is); err != nil {
			t.Errorf("request %d: %v", a.N, err)
		}
		early := commit.IsZero() || a.Sent.Add(a.Took).Before(commit)
		if early && is.Version != "4.1.1" || !early && a.Sent.After(commit) && is.Version != release {
			t.Errorf("request %d, sent %s and answered %s after the commit, by %s", a.N, a.Sent.Sub(commit), a.Sent.Add(a.Took).Sub(commit), is.Version)
		}
	}
	for _, s := range report.Steps {
		if s.Phase != "prepare" {
			t.Logf("  %-36s %s", s.Name, s.Ended.Sub(s.Began))
		}
	}
	t.Logf("%d requests, %d failed; window %s, longest wait %s; held %+v; %s", len(answers), failed, window, longest, report.Clients, report.Warnings)
	if report.Clients.Taken == 0 || report.Clients.Failed+report.Clients.TimedOut > 0 {
		t.Errorf("held: %+v", report.Clients)
	}
}

// nothingHeld fails when the machine's kernel or systemd has anything of the hold.
func nothingHeld(t *testing.T, m *host.Machine) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		left := m.Sh(t, `ip rule | grep "iif lo" || true; ip route show table all | grep "^local default" || true; pgrep -f "[e]ngine relay" || true
ls /run/systemd/system/*-hold.service /run/`+prefix+`/hold* 2>/dev/null || true; systemctl list-units --no-legend --all '*-hold.service'`)
		tables, err := m.Tables()
		if err != nil {
			t.Fatal(err)
		}
		if left += strings.Join(tables, " "); left == "" {
			break
		}
		if time.Now().After(until) {
			t.Errorf("left: %s", left)
			break
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	conn, err := m.Dial(ctx, "tcp", net.JoinHostPort("127.0.0.1", "80"))
	if err != nil {
		t.Errorf("the port does not answer: %v", err)
		return
	}
	_ = conn.Close()
}
