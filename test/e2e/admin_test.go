package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"onerpm/test/host"
)

// report is what the test reads of `report --json`.
type report struct {
	Outcome  string `json:"outcome"`
	Window   string `json:"window"`
	Measured bool   `json:"window_measured"`
	Changes  []struct {
		Target string `json:"target"`
	} `json:"changes"`
}

// TestAdmin goes through an upgrade as the admin of one machine sees it: settings,
// the live view, the report, what is left and its removal.
func TestAdmin(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	settings := "/etc/" + prefix + "/upgrade.conf"
	m.Sh(t, "mkdir -p /etc/"+prefix+" /usr/share/man/man8 /usr/share/bash-completion/completions && printf '# mine\\nkeep-backups = 3\\n' > "+settings)
	editPackagedConfig(t, m)
	out := m.Sh(t, "dnf install -y "+give(t, m, "4.2.0"))
	if !strings.Contains(out, settings+":2: keep-backups") || !strings.Contains(out, "was not started") {
		t.Errorf("a mistake in the settings is not told, or holds nothing up:\n%s", out)
	}
	m.Sh(t, "printf '# mine\\nkeep-backups = 3d\\n' > "+settings+" && "+prefix+" check")
	conflictInPackagedConfig(t, m, settings)

	m.Sh(t, `systemctl is-active systemd-logind
		(for i in $(seq 2000); do systemd-inhibit --list --no-pager | grep `+prefix+` > /root/held && exit; sleep 0.05; done) < /dev/null > /dev/null 2>&1 &`)
	asked := askDoor(t, m)
	if out := m.Sh(t, prefix+" start"); !strings.Contains(out, "has started: it goes forward") {
		t.Errorf("start does not say which way it goes: %s", out)
	}
	for command, want := range map[string]struct {
		code int
		said string
	}{"wait --timeout 0": {9, "the upgrade goes on"}, "check --json": {7, `"verdict": "under-way"`}, "report --summary": {0, "outcome  under-way"}} {
		if code, out := m.ShCode(t, prefix+" "+command); code != want.code || !strings.Contains(out, want.said) {
			t.Errorf("%s while the upgrade runs: exit %d, want %d and %q\n%s", command, code, want.code, want.said, out)
		}
	}
	view := m.Sh(t, "TERM=xterm script -qec 'stty cols 72 rows 24; "+prefix+" status --follow' /dev/null")
	closed, opened := asked()
	for _, want := range []string{"[>] prepare", "[x] prepare  [>] switch", "out of service for", "rpm: cloudify-", "\x1b[J", "done: Cloudify Manager is 4.2.0"} {
		if !strings.Contains(view, want) {
			t.Errorf("the live view never shows %q", want)
		}
	}
	if t.Failed() {
		t.Logf("%q", view)
	}
	if held := m.Sh(t, "cat /root/held"); !strings.Contains(held, "shutdown") || !strings.Contains(held, "block") {
		t.Errorf("a shutdown was not held off in the window: %s", held)
	}
	if code, out := m.ShCode(t, "systemd-inhibit --list --no-pager | grep "+prefix); code == 0 {
		t.Errorf("a shutdown is still held off: %s", out)
	}
	var r report
	if err := json.Unmarshal([]byte(m.Sh(t, prefix+" report --json")), &r); err != nil {
		t.Fatal(err)
	}
	if r.Outcome != "upgraded" || !r.Measured || len(r.Changes) == 0 {
		t.Errorf("the report: %+v", r)
	}
	answersPrograms(t, m)
	t.Logf("the window: %s by the engine, %s from outside", r.Window, opened.Sub(closed).Round(time.Millisecond))
	checkPackagedConfig(t, m)
	if plain := m.Sh(t, prefix+" status --follow"); strings.Contains(plain, "\x1b") {
		t.Errorf("not on a terminal, and yet: %q", plain)
	}

	for _, made := range []string{"/usr/share/man/man8/" + prefix + ".8", "/usr/share/bash-completion/completions/" + prefix} {
		if got := m.Sh(t, "rpm -qf --qf '%{NAME}' "+made+" && head -c 100 "+made); !strings.HasPrefix(got, prefix+"-4.2.0") {
			t.Errorf("%s: %s", made, got)
		}
	}
	if got := m.Sh(t, `. /usr/share/bash-completion/completions/`+prefix+`; COMP_WORDS=(x cl) COMP_CWORD=1; _cloudify_upgrade; echo "${COMPREPLY[@]}"`); got != "clean" {
		t.Errorf("cl completes to %q", got)
	}

	leftAlone(t, m)
	backup := "ls -d /var/lib/" + prefix + "/4.2.0-*/backup"
	m.Sh(t, backup)
	if out := m.Sh(t, prefix+" clean --dry-run && "+backup); !strings.Contains(out, "nothing was removed") {
		t.Errorf("clean --dry-run: %s", out)
	}
	if out := m.Sh(t, prefix+" clean"); !strings.Contains(out, "are free again") {
		t.Errorf("clean: %s", out)
	}
	if code, out := m.ShCode(t, backup); code == 0 {
		t.Errorf("clean left %s", out)
	}
	if out := m.Sh(t, prefix+" report && "+prefix+" log --lines 9"); !strings.Contains(out, r.Changes[0].Target) || !strings.Contains(out, "outcome=upgraded") {
		t.Errorf("after clean:\n%s", out)
	}
	m.Sh(t, "dnf remove -y "+prefix+"-4.2.0")
	if code, out := m.ShCode(t, "ls /usr/share/man/man8/"+prefix+".8 /usr/share/bash-completion/completions/"+prefix); code == 0 {
		t.Errorf("left by the removal: %s", out)
	}
}

// answersPrograms asks a machine that was upgraded what programs ask: how it ended, by id, and how its database stands.
func answersPrograms(t *testing.T, m *host.Machine) {
	t.Helper()
	var summary struct{ ID, Outcome, Window, Cause string }
	if err := json.Unmarshal([]byte(m.Sh(t, prefix+" report --summary --json")), &summary); err != nil || summary.ID == "" || summary.Outcome != "upgraded" || summary.Window == "0s" || summary.Cause != "" {
		t.Errorf("the summary: %+v, %v", summary, err)
	}
	var status struct {
		Databases []struct {
			Role, LSN, Why string
			System         string `json:"system_identifier"`
			Timeline       int
		}
	}
	if err := json.Unmarshal([]byte(m.Sh(t, prefix+" status --json")), &status); err != nil || len(status.Databases) != 1 {
		t.Fatalf("the status: %+v, %v", status, err)
	}
	if d := status.Databases[0]; d.Role != "primary" || d.LSN == "" || d.System == "" || d.Timeline < 1 || d.Why != "" {
		t.Errorf("the database: %+v", d)
	}
	for command, name := range map[string]string{"check": "check", "report": "report", "wait": "report", "status": "status", "report --summary": "summary", "report --all": "history"} {
		if err := published(m.Sh(t, prefix+" help schema "+name), m.Sh(t, prefix+" "+command+" --json")); err != nil {
			t.Errorf("%s --json is not as its schema says: %v", command, err)
		}
	}
	for command, code := range map[string]int{"wait --id " + summary.ID: 0, "wait --id 4.2.0-1-none": 8, "report --id 4.2.0-1-none": 8, "wait --id ''": 2} {
		if got, out := m.ShCode(t, prefix+" "+command); got != code {
			t.Errorf("%s: exit %d, want %d\n%s", command, got, code, out)
		}
	}
	if code, out := m.ShCode(t, prefix+" start --json"); code != 0 || !strings.Contains(out, `"verdict": "nothing-to-do"`) {
		t.Errorf("start on an upgraded machine: exit %d\n%s", code, out)
	}
}

// published holds an answer against a schema, both as the machine's command tells them.
func published(schema, answer string) error {
	form, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(answer))
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("answer", form); err != nil {
		return err
	}
	s, err := c.Compile("answer")
	if err != nil {
		return err
	}
	return s.Validate(value)
}

// leftAlone: agents that are left alone count as nothing pending, and are upgraded when the admin says so.
func leftAlone(t *testing.T, m *host.Machine) {
	t.Helper()
	if out := m.Sh(t, prefix+" wait && "+prefix+" agents status"); strings.Count(out, "agents: left alone, ") != 2 {
		t.Errorf("agents are not left alone: %s", out)
	}
	m.Sh(t, `umask 077; printf 'Authorization: Basic %s\n' $(printf admin:open-sesame-42 | base64) > `+credentials)
	if out := m.Sh(t, prefix+" agents start && "+prefix+" agents wait"); !strings.Contains(out, "agents: done, 6 of 6 upgraded") {
		t.Errorf("agents are not upgraded all the same: %s", out)
	}
}

// askDoor asks the door from outside, 20 times a second, until the returned function
// is called; that tells the last answer before the longest time without one, and the first after it.
func askDoor(t *testing.T, m *host.Machine) (stop func() (closed, opened time.Time)) {
	t.Helper()
	client := m.HTTP()
	client.Timeout = time.Second
	done, ended := make(chan struct{}), make(chan struct{})
	var last, closed, opened time.Time
	go func() {
		defer close(ended)
		for {
			resp, err := client.Get("http://127.0.0.1/api/v3.1/version")
			if err == nil {
				_ = resp.Body.Close()
			}
			if now := time.Now(); err == nil && resp.StatusCode == http.StatusOK {
				if !last.IsZero() && now.Sub(last) > opened.Sub(closed) {
					closed, opened = last, now
				}
				last = now
			}
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() (time.Time, time.Time) {
		close(done)
		<-ended
		return closed, opened
	}
}

// TestDoorOfTheAdminsOwn has a door that the admin sent elsewhere, so it does not
// answer its health question as expected, before and after: that is told, and is no failure.
func TestDoorOfTheAdminsOwn(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	m.Sh(t, `conf=$(grep -l 8100 /etc/nginx/conf.d/*) && sed -i '0,/location/s|location|location = /api/v3.1/version { return 301 https://$host$request_uri; }\n    location|' $conf && systemctl reload nginx &&
		for i in $(seq 600); do curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1/api/v3.1/version | grep -q 301 && exit; sleep 0.1; done; exit 1`)
	if out := m.Sh(t, "dnf install -y "+give(t, m, "4.2.0")); !strings.Contains(out, "door-unanswered") || !strings.Contains(out, "status 301, want 200") {
		t.Errorf("the check does not tell it:\n%s", out)
	}
	code, out := m.ShCode(t, prefix+" wait && "+prefix+" report --json")
	if code != 0 || !strings.Contains(out, "the door did not answer its health question before the upgrade") || !strings.Contains(out, `"window_measured": false`) {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if got := m.Sh(t, "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1/api/v3.1/version"); got != "301" {
		t.Errorf("the admin's change is not kept: status %s", got)
	}
}
