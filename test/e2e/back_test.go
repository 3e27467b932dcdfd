package e2e

import (
	"strings"
	"testing"

	"onerpm/test/host"
)

// TestFailureGoesBack gives the new release a reason not to work, and wants the
// old machine back; then takes the reason away and wants the new one.
func TestFailureGoesBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		break_, mend string
		cause        string // part of the first cause in the report
	}{
		{"a unit that does not start",
			`mkdir -p /etc/systemd/system/cloudify-restservice.service.d
			 printf '[Service]\nExecStartPre=/bin/sh -c "! grep -q wsgi /usr/lib/systemd/system/cloudify-restservice.service"\n' > /etc/systemd/system/cloudify-restservice.service.d/90-test.conf
			 systemctl daemon-reload`,
			`rm -r /etc/systemd/system/cloudify-restservice.service.d; systemctl daemon-reload`,
			"cloudify-restservice"},
		{"a migration that fails",
			psql(`create function refuse() returns event_trigger language plpgsql as $$ begin if (select version_num from alembic_version) = 'f1dab814a4a0' then raise exception 'broken on purpose'; end if; end $$; create event trigger refuse on ddl_command_end execute function refuse()`),
			psql(`drop event trigger refuse; drop function refuse()`),
			"broken on purpose"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
			m.Sh(t, c.break_)
			before := whole(t, m)
			code, out := m.ShCode(t, "dnf install -y "+give(t, m, "4.2.0")+" && "+prefix+" wait")
			report := m.Sh(t, prefix+" report")
			if code != 4 {
				t.Fatalf("exit %d, want 4\n%s\n%s", code, out, report)
			}
			if !strings.Contains(report, c.cause) {
				t.Errorf("the report does not name %q:\n%s", c.cause, report)
			}
			same(t, "before and after the way back", before, whole(t, m))
			m.Sh(t, c.mend)
			if code, out := m.ShCode(t, prefix+" start && "+prefix+" wait"); code != 0 {
				t.Fatalf("after the cause is gone: exit %d\n%s", code, out)
			}
			checkNew(t, m, "4.2.0")
		})
	}
}

// TestKilledEngine kills the engine once in the window and once after the
// commit, and wants it to go on by itself: back, and forward.
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
			before := whole(t, m)
			m.Sh(t, "dnf install -y "+give(t, m, "4.2.0"))
			m.Sh(t, `for i in $(seq 3000); do grep -q '"`+c.step+`"' /var/lib/`+prefix+`/4.2.0-*/journal.json && break; sleep 0.02; done
				kill -9 $(systemctl show -P MainPID `+prefix+`)`)
			code, out := m.ShCode(t, prefix+" wait")
			if code != c.want {
				_, log := m.ShCode(t, prefix+" report")
				t.Fatalf("exit %d, want %d\n%s\n%s", code, c.want, out, log)
			}
			if c.want == 0 {
				checkNew(t, m, "4.2.0")
				return
			}
			same(t, "before and after", before, whole(t, m))
		})
	}
}
