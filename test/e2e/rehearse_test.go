package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"onerpm/test/host"
)

// rehearsal is what rehearse --json tells.
type rehearsal struct {
	Problems  []string `json:"problems"`
	Databases []struct {
		Name string `json:"name"`
		Rows int64  `json:"rows"`
	} `json:"databases"`
	Parts  []struct{ Name, How string } `json:"parts"`
	Window string                       `json:"window"`
}

// TestRehearsal tries the upgrade on copies, out of an unpacked bundle: the product is as
// it was, nothing is left, also when it was killed in the middle; what would make the upgrade
// go back is told.
func TestRehearsal(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	rpm := give(t, m, "4.2.0")
	m.Sh(t, "mkdir /root/c && cd /root/c && rpm2cpio "+rpm+" | cpio -idm --quiet")
	const rehearse = "/root/c/opt/" + prefix + "/4.2.0/bin/engine rehearse --json"
	const running = `systemctl show -P MainPID,ExecMainStartTimestampMonotonic,NRestarts cloudify-restservice cloudify-mgmtworker nginx postgresql`
	before, units := whole(t, m), m.Sh(t, running)

	var told rehearsal
	run := func(want int) {
		t.Helper()
		code, out := m.ShCode(t, rehearse+" 2>/root/said")
		if code != want {
			t.Fatalf("rehearse: exit %d, want %d\n%s\n%s", code, want, out, m.Sh(t, "cat /root/said"))
		}
		told = rehearsal{}
		if err := json.Unmarshal([]byte(out), &told); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		same(t, "before and after a rehearsal", before, whole(t, m))
		if now := m.Sh(t, running); now != units {
			t.Errorf("services before:\n%s\nafter:\n%s", units, now)
		}
		if left := m.Sh(t, "ls -d /var/lib/"+prefix+"-rehearsal 2>/dev/null; pgrep -f rehearsal/[p]ostgresql; true"); left != "" {
			t.Errorf("left over: %s", left)
		}
	}
	run(0)
	if kept := m.Sh(t, "cat /var/lib/"+prefix+"/rehearsed-4.2.0.json"); !strings.Contains(kept, `"window": "`+told.Window+`"`) {
		t.Errorf("what status will expect: %s, want the window %s", kept, told.Window)
	}
	if len(told.Problems) > 0 || len(told.Databases) != 1 || told.Databases[0].Rows < 500 || told.Window == "" || len(told.Parts) < 5 {
		t.Errorf("%+v", told)
	}

	killed := m.Sh(t, `systemd-run --quiet --unit rehearsal `+rehearse+`
		until pgrep -f rehearsal/[p]ostgresql >/dev/null; do sleep 0.05; done
		systemctl kill --kill-whom=main -s KILL rehearsal
		for i in $(seq 100); do pgrep -f rehearsal/[p]ostgresql >/dev/null || break; sleep 0.1; done
		pgrep -f rehearsal/[p]ostgresql; systemctl reset-failed rehearsal; ls -d /var/lib/`+prefix+`-rehearsal`)
	if strings.TrimSpace(killed) != "/var/lib/"+prefix+"-rehearsal" {
		t.Errorf("after a kill: %s", killed)
	}
	run(0)

	m.Sh(t, psql("create function refuse() returns trigger language plpgsql as $$ begin raise exception 'broken on purpose'; end $$; "+
		"create trigger refuse before insert on roles for each row execute function refuse()"))
	before = whole(t, m)
	run(3)
	if len(told.Problems) != 1 || !strings.Contains(told.Problems[0], "migration") {
		t.Errorf("a migration that cannot work on this data: %+v", told)
	}
}
