package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"onerpm/test/host"
)

// cause is a reason to refuse an upgrade.
type cause struct {
	finding string // ID in docs/findings.md
	make    string // script
	mend    string // script
}

// refusals are made together, a list at a time: check tells all findings in one run.
var refusals = map[string][]cause{
	"database, configuration and units": {
		{"database-users-tenants-twice", psql("insert into users_tenants select * from users_tenants limit 1"),
			psql("delete from users_tenants where ctid = (select max(ctid) from users_tenants)")},
		{"database-node-instances-version", psql("create table was as select _storage_id, version from node_instances; update node_instances set version = null where _storage_id < 5"),
			psql("update node_instances n set version = was.version from was where was._storage_id = n._storage_id; drop table was")},
		{"database-type-there-already", psql("create type resource_availability as enum ('a')"), psql("drop type resource_availability")},
		{"database-invalid-indexes", psql("create index broken on events (_storage_id); update pg_index set indisvalid = false where indexrelid = 'broken'::regclass"),
			psql("drop index broken")},
		{"config-unparsable", "cp -a /opt/manager/rest-security.conf /root/was; echo '}}' >> /opt/manager/rest-security.conf", "mv /root/was /opt/manager/rest-security.conf"},
		{"config-conflict", "cp -a /etc/sysconfig/cloudify-amqpinflux /root/was2; sed -i 's|^AMQP_CA_CERT_PATH=.*|AMQP_CA_CERT_PATH=/etc/pki/ours.pem|' /etc/sysconfig/cloudify-amqpinflux",
			"mv /root/was2 /etc/sysconfig/cloudify-amqpinflux"},
		{"config-missing", "mv /etc/rabbitmq/rabbitmq.config /root/was3", "mv /root/was3 /etc/rabbitmq/rabbitmq.config"},
		{"unit-not-well", "systemctl stop cloudify-mgmtworker; mkdir -p /run/systemd/system/cloudify-mgmtworker.service.d; printf '[Service]\\nRestart=no\\nExecStartPre=/bin/false\\n' > /run/systemd/system/cloudify-mgmtworker.service.d/x.conf; systemctl daemon-reload; systemctl start cloudify-mgmtworker; true",
			"rm -r /run/systemd/system/cloudify-mgmtworker.service.d; systemctl daemon-reload; systemctl restart cloudify-mgmtworker"},
	},
	"paths": {
		{"database-schema", psql("update alembic_version set version_num = 'another'"), psql("update alembic_version set version_num = '3496c876cd1a'")},
		{"immutable", "chattr +i /opt/manager/env", "chattr -i /opt/manager/env"},
		{"read-only", "mount --bind /etc/nginx /etc/nginx && mount -o remount,bind,ro /etc/nginx", "umount /etc/nginx"},
		{"path-blocked", "mkdir -p /opt/cloudify-composer/nginx.conf/a", "rm -r /opt/cloudify-composer"},
		{"state-link", "mv /opt/mgmtworker/env /opt/mgmtworker/real; ln -s real /opt/mgmtworker/env; chown -h nobody /opt/mgmtworker/env",
			"rm /opt/mgmtworker/env; mv /opt/mgmtworker/real /opt/mgmtworker/env"},
		{"config-link", "mv /opt/manager/rest-security.conf /opt/manager/ours.conf; ln -s ours.conf /opt/manager/rest-security.conf; chown -h nobody /opt/manager/rest-security.conf",
			"mv /opt/manager/ours.conf /opt/manager/rest-security.conf"},
		{"config-unreadable", "mv /etc/sysconfig/cloudify-restservice /root/was; mkdir /etc/sysconfig/cloudify-restservice",
			"rmdir /etc/sysconfig/cloudify-restservice; mv /root/was /etc/sysconfig/cloudify-restservice"},
		{"unit-unknown", "systemctl stop cloudify-amqpinflux; systemctl mask --runtime cloudify-amqpinflux", "systemctl unmask --runtime cloudify-amqpinflux; systemctl start cloudify-amqpinflux"},
		{"no-exec", "mkdir -p /opt/" + prefix + "/run && mount -t tmpfs -o noexec,size=400m none /opt/" + prefix + "/run", "umount /opt/" + prefix + "/run; rm -r /opt/" + prefix},
	},
	"room": {
		{"database-unreachable", "cp -a /opt/manager/cloudify-rest.conf /root/was; sed -i \"s/postgresql_password: '.*'/postgresql_password: 'wrong'/\" /opt/manager/cloudify-rest.conf",
			"mv /root/was /opt/manager/cloudify-rest.conf"},
		{"no-room", "mkdir -p /var/lib/" + prefix + " && mount -t tmpfs -o size=30m none /var/lib/" + prefix, "umount /var/lib/" + prefix + "; rm -rf /var/lib/" + prefix},
		{"no-inodes", "mkdir -p /opt/" + prefix + " && mount -t tmpfs -o size=400m,nr_inodes=300 none /opt/" + prefix, "umount /opt/" + prefix + "; rm -r /opt/" + prefix},
	},
	"packages": {
		{"packages-differ", "cp -a /var/lib/rpm /root/rpm; rpm -e --justdb --nodeps --noscripts cloudify-stage", "rm -rf /var/lib/rpm; mv /root/rpm /var/lib/rpm"},
		{"under-way", "mkdir -p -m 700 /var/lib/" + prefix + "; echo running > /var/lib/" + prefix + "/state", "rm -rf /var/lib/" + prefix},
	},
	"bundle": {
		{"bundle-damaged", "echo x >> $(ls /root/c/opt/" + prefix + "/4.2.0/migrations/manager/*.sql | head -1)",
			"rm -rf /root/c; mkdir /root/c; cd /root/c; rpm2cpio /root/" + prefix + "-4.2.0.rpm | cpio -idm --quiet"},
	},
}

// TestRefusalsChangeNothing gives a machine reasons to refuse: check out of an unpacked
// bundle tells each of them, dnf install starts nothing, and both leave the machine as it was.
func TestRefusalsChangeNothing(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	rpm := give(t, m, "4.2.0")
	m.Sh(t, "mkdir /root/c && cd /root/c && rpm2cpio "+rpm+" | cpio -idm --quiet")
	clean := whole(t, m)
	for name, causes := range refusals {
		t.Run(name, func(t *testing.T) {
			for _, c := range causes {
				m.Sh(t, c.make)
			}
			before := whole(t, m)
			checkTells(t, m, causes)
			if name != "bundle" { // what dnf installs is not damaged
				installRefused(t, m, rpm)
			}
			same(t, "before and after the refusal", before, whole(t, m))
			m.ShCode(t, "rpm -e "+prefix+"-4.2.0")
			for i := len(causes) - 1; i >= 0; i-- {
				m.Sh(t, causes[i].mend)
			}
			same(t, "before the causes and after them", clean, whole(t, m))
		})
	}
	upgrade(t, m, "4.2.0")
	checkNew(t, m, "4.2.0")
}

// checkTells runs the check and looks for each cause's finding.
func checkTells(t *testing.T, m *host.Machine, causes []cause) {
	t.Helper()
	code, out := m.ShCode(t, "/root/c/opt/"+prefix+"/4.2.0/bin/engine check --json")
	if code != 3 {
		t.Errorf("check: exit %d, want 3", code)
	}
	var verdict struct {
		Verdict  string
		Findings []struct{ ID, Level, What string }
	}
	if err := json.Unmarshal([]byte(out), &verdict); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	told := map[string]string{}
	var list []string
	for _, f := range verdict.Findings {
		told[f.ID] = f.Level
		list = append(list, fmt.Sprintf("%s %s: %s", f.Level, f.ID, f.What))
	}
	for _, c := range causes {
		if told[c.finding] != "refuse" {
			t.Errorf("no finding %s of level refuse in:\n%s", c.finding, strings.Join(list, "\n"))
		}
	}
	if verdict.Verdict != "refused" {
		t.Errorf("the verdict is %q", verdict.Verdict)
	}
}

// installRefused installs the bundle. Its gate may refuse; if it passes, the check must, and nothing may start.
func installRefused(t *testing.T, m *host.Machine, rpm string) {
	t.Helper()
	code, out := m.ShCode(t, "dnf install -y "+rpm)
	if code == 0 && !strings.Contains(out, "was not started") {
		t.Errorf("dnf install does not say that nothing was started:\n%s", out)
	}
	if code != 0 && !strings.Contains(out, "Nothing was changed") {
		t.Errorf("dnf install fails with another reason than the gate's:\n%s", out)
	}
	if _, left := m.ShCode(t, "ls -d /var/lib/"+prefix+"/4.2.0-* /etc/systemd/system/"+prefix+".service /opt/"+prefix+"/run/* 2>/dev/null"); left != "" {
		t.Errorf("something was started: %s", left)
	}
	if code == 0 {
		if code, out := m.ShCode(t, prefix+" start"); code != 3 {
			t.Errorf("start: exit %d, want 3\n%s", code, out)
		}
	}
}
