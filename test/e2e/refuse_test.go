package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
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

// inside has a command that runs another one for findings that only a check which is run
// by it meets, in a run of its own.
var inside = map[string]string{
	"database-backup":   `unshare --mount bash -c 'mount -t tmpfs none /mnt && cp /usr/lib/postgresql/*/bin/pg_dump /mnt/real && printf "#!/bin/sh\n[ \"\$1\" = --version ] && exec /mnt/real --version\nexit 1\n" > /mnt/wrong && chmod 755 /mnt/wrong && for p in /usr/lib/postgresql/*/bin/pg_dump /usr/bin/pg_dump; do mount --bind /mnt/wrong $p; done && exec "$@"' -`,
	"database-programs": `unshare --mount bash -c 'mount -t tmpfs none /usr/lib/postgresql && mount --bind /dev/null /usr/bin/pg_dump && exec "$@"' -`,
	"check-failed":      `unshare --mount bash -c 'mount -t tmpfs -o size=1m none /run && mount -t tmpfs -o size=1m none /dev/shm && exec "$@"' -`,
	"engine-cannot-run": `sh -c 'exec /opt/` + prefix + `/4.2.0/bin/engine check --json' -`, // as it is installed
	"no-systemd":        `unshare --mount bash -c 'mount -t tmpfs none /run/systemd && exec "$@"' -`,
	"not-root":          "setpriv --reuid=nobody --regid=nogroup --clear-groups",
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
		{"needed-by-others", odd("odd-needs", "Requires: cloudify-blueprint-composer"), "rpm -e odd-needs"},
		{"way-there-blocked", odd("odd-conflicts", "Conflicts: cloudify-rest-service = 4.2.0-ga"), "rpm -e odd-conflicts"},
		{"settings", "echo 'conflict = perhaps' > /etc/" + prefix + "/upgrade.conf", "rm /etc/" + prefix + "/upgrade.conf"},
		{"unit-not-well", "systemctl stop cloudify-mgmtworker; mkdir -p /run/systemd/system/cloudify-mgmtworker.service.d; printf '[Service]\\nRestart=no\\nExecStartPre=/bin/false\\n' > /run/systemd/system/cloudify-mgmtworker.service.d/x.conf; systemctl daemon-reload; systemctl start cloudify-mgmtworker; true",
			"rm -r /run/systemd/system/cloudify-mgmtworker.service.d; systemctl daemon-reload; systemctl restart cloudify-mgmtworker"},
	},
	"paths": {
		{"database-schema", psql("update alembic_version set version_num = 'another'"), psql("update alembic_version set version_num = '3496c876cd1a'")},
		{"database-version", psql(olderServer), psql("alter role cloudify in database cloudify_db reset search_path; drop schema older cascade")},
		{"way-back-blocked", odd("odd-conflicts", "Conflicts: cloudify-rest-service = 4.1.1-ga"), "rpm -e odd-conflicts"},
		{"state-unreadable", "mkdir -p /opt/manager/resources/deep$(printf '/d%.0s' $(seq 210))", "rm -r /opt/manager/resources/deep"},
		{"immutable", "chattr +i /opt/manager/env", "chattr -i /opt/manager/env"},
		{"read-only", "mount --bind /etc/nginx /etc/nginx && mount -o remount,bind,ro /etc/nginx", "umount /etc/nginx"},
		{"path-blocked", "mkdir -p /opt/cloudify-composer/nginx.conf/a", "rm -r /opt/cloudify-composer"},
		{"state-link", "mv /opt/mgmtworker/env /opt/mgmtworker/real; ln -s real /opt/mgmtworker/env; chown -h nobody /opt/mgmtworker/env",
			"rm /opt/mgmtworker/env; mv /opt/mgmtworker/real /opt/mgmtworker/env"},
		{"config-link", "mv /opt/manager/rest-security.conf /opt/manager/ours.conf; ln -s ours.conf /opt/manager/rest-security.conf; chown -h nobody /opt/manager/rest-security.conf",
			"mv /opt/manager/ours.conf /opt/manager/rest-security.conf"},
		{"config-unreadable", "mv /etc/sysconfig/cloudify-restservice /root/was; mkdir /etc/sysconfig/cloudify-restservice",
			"rmdir /etc/sysconfig/cloudify-restservice; mv /root/was /etc/sysconfig/cloudify-restservice"},
		{"unit-unknown", runtimeDropIn("cloudify-amqpinflux", "[Service]\\nExecStart=\\n"), noDropIn("cloudify-amqpinflux")},
		{"unit-refuses", runtimeDropIn("cloudify-blueprint-composer", "[Unit]\\nRefuseManualStop=yes\\n"), noDropIn("cloudify-blueprint-composer")},
		{"unit-masked", "ln -s /dev/null /etc/systemd/system/cloudify-composer.service; systemctl daemon-reload", "rm /etc/systemd/system/cloudify-composer.service; systemctl daemon-reload"},
		{"unit-overridden", "cp /usr/lib/systemd/system/cloudify-restservice.service /etc/systemd/system/; systemctl daemon-reload",
			"rm /etc/systemd/system/cloudify-restservice.service; systemctl daemon-reload"},
		{"relocated", "cp -a /var/lib/rpm /root/rpm2; rpm -e --justdb --nodeps --noscripts cloudify-cli; " +
			"rpm -i --justdb --nodeps --noscripts --nosignature --nodigest --badreloc --relocate /opt/cfy=/srv/cfy /root/c/opt/" + prefix + "/4.2.0/rollback/cloudify-cli-*.rpm*",
			"rm -rf /var/lib/rpm; mv /root/rpm2 /var/lib/rpm"},
		{"config-mount", "mount --bind /etc/cloudify/stage.json /etc/cloudify/stage.json", "umount /etc/cloudify/stage.json"},
		{"file-mounted", "mount --bind /opt/cloudify-stage/dist/index.html /opt/cloudify-stage/dist/index.html", "umount /opt/cloudify-stage/dist/index.html"},
		{"package-link", "mv /opt/cfy/bin /opt/cfy/real; ln -s real /opt/cfy/bin; chown -h nobody /opt/cfy/bin", "rm /opt/cfy/bin; mv /opt/cfy/real /opt/cfy/bin"},
		{"no-exec", "mkdir -p /opt/" + prefix + "/run && mount -t tmpfs -o noexec,size=1g none /opt/" + prefix + "/run", "umount /opt/" + prefix + "/run; rm -r /opt/" + prefix},
	},
	"room": {
		{"verify-fails-merged", "cp -a /etc/nginx/conf.d/cloudify.conf /root/was2; sed -i '0,/ location \\/api /s|| location /composer/ { proxy_pass http://127.0.0.1:3000/; }\\n&|' /etc/nginx/conf.d/cloudify.conf; nginx -t",
			"mv /root/was2 /etc/nginx/conf.d/cloudify.conf"},
		{"database-unreachable", "cp -a /opt/manager/cloudify-rest.conf /root/was; sed -i \"s/postgresql_password: '.*'/postgresql_password: 'wrong'/\" /opt/manager/cloudify-rest.conf",
			"mv /root/was /opt/manager/cloudify-rest.conf"},
		{"check-failed", "true", "true"}, // no room for a copy of rpm's database
		{"no-room", "mkdir -p /var/lib/" + prefix + " && mount -t tmpfs -o size=30m none /var/lib/" + prefix, "umount /var/lib/" + prefix + "; rm -rf /var/lib/" + prefix},
		{"no-inodes", "mkdir -p /opt/" + prefix + " && mount -t tmpfs -o size=400m,nr_inodes=300 none /opt/" + prefix, "umount /opt/" + prefix + "; rm -r /opt/" + prefix},
	},
	"packages": {
		{"config-form", "cp -a /opt/manager/rest-security.conf /root/was2; " + // as large as may be, without what the new release adds
			`python3 -c 'import json; p = "/opt/manager/rest-security.conf"; d = json.load(open(p)); d["ours"] = ""; d["ours"] = "x" * ((1 << 20) - len(json.dumps(d))); open(p, "w").write(json.dumps(d))'`,
			"mv /root/was2 /opt/manager/rest-security.conf"},
		{"database-pooler", pooler + "; cp -a /opt/manager/cloudify-rest.conf /root/was; sed -i \"s/\\(postgresql_host: '[^':]*\\)[^']*'/\\1:6432'/\" /opt/manager/cloudify-rest.conf",
			"mv /root/was /opt/manager/cloudify-rest.conf; systemctl stop pooler; rm /root/pooler"},
		{"verify-fails", "echo 'bogus on;' > /etc/nginx/conf.d/zz-ours.conf", "rm /etc/nginx/conf.d/zz-ours.conf"}, // nobody has loaded it yet
		{"no-systemd", "true", "true"},
		{"not-root", "chmod o+x /root", "chmod o-x /root"},
		{"packages-differ", "cp -a /var/lib/rpm /root/rpm; rpm -e --justdb --nodeps --noscripts cloudify-stage", "rm -rf /var/lib/rpm; mv /root/rpm /var/lib/rpm"},
	},
	"rights and replicas of the database": {
		{"database-programs", "true", "true"},
		{"database-prepared-transactions", psql("alter system set max_prepared_transactions = 5") + "\nsystemctl restart postgresql; systemctl start postgresql-9.5; " + psql("begin; create table odd (a int); prepare transaction 'odd'"),
			psql("rollback prepared 'odd'") + "\n" + psql("alter system reset max_prepared_transactions") + "\nsystemctl restart postgresql; systemctl start postgresql-9.5"},
		{"database-read-only", psql("alter role cloudify in database cloudify_db set default_transaction_read_only = on"), psql("alter role cloudify in database cloudify_db reset default_transaction_read_only")},
		{"database-create-right", psql("revoke create on database cloudify_db from cloudify"), psql("grant create on database cloudify_db to cloudify")},
		{"database-schema-right", psql("create schema odd; create table odd.t (a int); alter table odd.t owner to cloudify"), psql("drop schema odd cascade")},
		{"database-backup-rights", "true", "true"}, // the schema cannot be read either
		{"database-drain", psql("revoke select on executions from cloudify"), psql("grant select on executions to cloudify")},
		{"database-table-owner", psql("create table theirs (a int)"), psql("drop table theirs")},
		{"database-published-identity", psql("alter table events replica identity nothing; create publication odd for table events"), psql("drop publication odd; alter table events replica identity default")},
		{"database-standby-away", psql("alter system set synchronous_standby_names = 'away'") + "\nsystemctl reload postgresql", // last: every commit waits from now on
			psql("alter system reset synchronous_standby_names") + "\nsystemctl reload postgresql"},
	},
	"bundle": {
		{"database-backup", "true", "true"}, // by a pg_dump that fails
		{"engine-cannot-run", "mkdir -p /opt/" + prefix + " && cp -a /root/c/opt/" + prefix + "/4.2.0 /opt/" + prefix + "; mkdir -p " + checkDropIn + "; printf '[Service]\\nNoExecPaths=/opt/" + prefix + "\\n' > " + checkDropIn + "/x.conf; systemctl daemon-reload",
			"rm -r " + checkDropIn + " /opt/" + prefix + "; systemctl daemon-reload"},
		{"bundle-damaged", "echo x >> $(ls /root/c/opt/" + prefix + "/4.2.0/migrations/manager/*.sql | head -1)",
			"rm -rf /root/c; mkdir /root/c; cd /root/c; rpm2cpio /root/" + prefix + "-4.2.0.rpm | cpio -idm --quiet"},
		{"config-value-unknown", rebuild("config/new/etc/sysconfig/cloudify-restservice", "MORE=<<nobody>>"), "true"},
		{"config-merge", rebuild("config/new/opt/manager/cloudify-rest.conf", "}}"), "true"},
		{"database-checks", rebuild("checks/manager.sql", "select 1;"), "true"},
	},
}

// unfinished are upgrades that have not ended. Each is the only finding, whatever else is the matter, and has a verdict and
// an exit code of its own.
var unfinished = []struct {
	cause
	code int
}{
	{cause{"under-way", hasState("running") + "; systemd-run --collect --unit=" + prefix + ".service sleep 3600",
		"systemctl stop " + prefix + ".service; rm -rf /var/lib/" + prefix}, 7},
	{cause{"needs-a-person", hasState("needs-a-person") + "; systemctl stop cloudify-mgmtworker", "systemctl start cloudify-mgmtworker; rm -rf /var/lib/" + prefix}, 5},
}

// hasState is a script that makes a machine one on which an upgrade was started.
func hasState(word string) string {
	return "mkdir -p -m 700 /var/lib/" + prefix + "; echo " + word + " > /var/lib/" + prefix + "/state"
}

// checkDropIn has drop-ins, until the next boot, of the unit by which check tries whether systemd can run the engine.
const checkDropIn = "/run/systemd/system/" + prefix + "-check-.service.d"

// runtimeDropIn is a script that gives a unit a drop-in until the next boot, noDropIn one that takes it away.
func runtimeDropIn(unit, text string) string {
	dir := "/run/systemd/system/" + unit + ".service.d"
	return "mkdir -p " + dir + "; printf '" + text + "' > " + dir + "/x.conf; systemctl daemon-reload"
}

func noDropIn(unit string) string {
	return "rm -r /run/systemd/system/" + unit + ".service.d; systemctl daemon-reload"
}

// odd is a script that installs a package of nobody's concern with one more line in its
// spec, whatever rpm thinks of it.
func odd(name, line string) string {
	return `mkdir -p /root/odd && cat > /root/odd/odd.spec <<'END'
Name: ` + name + `
Version: 1
Release: 1
Summary: x
License: x
BuildArch: noarch
` + line + `
%description
%files
END
rpmbuild --quiet -bb --define '_rpmdir /root/odd' /root/odd/odd.spec && rpm -i --nodeps /root/odd/noarch/` + name + `-1-1.noarch.rpm && rm -r /root/odd`
}

// olderServer has PostgreSQL say to the product's user that it is 9.4, which is not to be had any more.
const olderServer = `create schema older;
create function older.current_setting(name text) returns text language sql stable as
	$$ select case name when 'server_version_num' then '90426' else pg_catalog.current_setting(name) end $$;
grant usage on schema older to cloudify;
alter role cloudify in database cloudify_db set search_path = older, pg_catalog, public`

// pooler is a script that puts a pooler before PostgreSQL, as a client sees one: the process
// that answers is not the one that it was told of when it connected (BackendKeyData).
const pooler = `cat > /root/pooler <<'END'
import socket, struct, threading
def read(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise OSError
        data += more
    return data
def serve(client):
    try:
        first = read(client, 8)
        while struct.unpack("!II", first)[1] in (80877103, 80877104): # it wants TLS, or GSSAPI
            client.sendall(b"N")
            first = read(client, 8)
        server = socket.create_connection(("127.0.0.1", 5432))
        server.sendall(first)
        threading.Thread(target=copy, args=(client, server), daemon=True).start()
        while True:
            kind, length = struct.unpack("!cI", read(server, 5))
            body = read(server, length - 4)
            if kind == b"K":
                body = struct.pack("!I", 4242) + body[4:]
            client.sendall(kind + struct.pack("!I", length) + body)
    except OSError:
        client.close()
def copy(a, b):
    while data := a.recv(1 << 16):
        b.sendall(data)
    b.close()
listener = socket.create_server(("127.0.0.1", 6432))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
END
systemd-run --quiet --collect --unit pooler python3 /root/pooler
for i in $(seq 100); do (: < /dev/tcp/127.0.0.1/6432) 2>/dev/null && break; sleep 0.1; done`

// rebuild is a script that adds a line to a file of the unpacked bundle, and makes the manifest
// name what is there, as if the bundle had been built so: bundler check would not let it.
func rebuild(file, line string) string {
	return `cd /root/c/opt/` + prefix + `/4.2.0 && python3 - <<'END'
import hashlib, json
file, manifest = "` + file + `", json.load(open("manifest.json"))
open(file, "a").write("` + line + `\n")
data = open(file, "rb").read()
for f in manifest["files"]:
    if f["path"] == file:
        f["size"], f["sha256"] = len(data), hashlib.sha256(data).hexdigest()
open("manifest.json", "w").write(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
END`
}

// TestEveryRefusalIsProvoked reads the list of findings: each that refuses is provoked on
// a machine, by the tests here or by TestGate.
func TestEveryRefusalIsProvoked(t *testing.T) {
	t.Parallel()
	provoked := map[string]bool{}
	for _, causes := range refusals {
		for _, c := range causes {
			provoked[c.finding] = true
		}
	}
	for _, g := range gates {
		provoked[g.finding] = true
	}
	for _, c := range firstRefusals {
		provoked[c.finding] = true
	}
	for _, c := range unfinished {
		provoked[c.finding] = true
	}
	page, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| refuse \\|").FindAllSubmatch(page, -1)
	if len(listed) < 30 {
		t.Errorf("the page lists only %d findings that refuse", len(listed))
	}
	for _, id := range listed {
		if !provoked[string(id[1])] {
			t.Errorf("%s is provoked on no machine", id[1])
		}
	}
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
			apart := func(c cause) bool { return inside[c.finding] != "" }
			for _, c := range causes {
				if apart(c) {
					checkTells(t, m, "4.2.0", inside[c.finding], []cause{c})
				}
			}
			checkTells(t, m, "4.2.0", "", slices.DeleteFunc(slices.Clone(causes), apart))
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
	for _, c := range unfinished {
		t.Run(c.finding, func(t *testing.T) {
			m.Sh(t, c.make)
			before := whole(t, m)
			tellsAlone(t, m, c.finding, c.code)
			installRefused(t, m, rpm)
			same(t, "before and after the refusal", before, whole(t, m))
			m.Sh(t, c.mend)
			same(t, "before the cause and after it", clean, whole(t, m))
		})
	}
	upgrade(t, m, "4.2.0")
	checkNew(t, m, "4.2.0")
	for _, word := range []string{"check", "start"} { // out of the unpacked bundle
		if code, out := m.ShCode(t, "/root/c/opt/"+prefix+"/4.2.0/bin/engine "+word+" --json"); code != 0 || !strings.Contains(out, `"verdict": "nothing-to-do"`) {
			t.Errorf("%s on an upgraded machine: exit %d, want 0 and nothing-to-do\n%s", word, code, out)
		}
	}
}

// verdict is what check --json says.
type verdict struct {
	Verdict  string
	Findings []struct{ ID, Level, What string }
}

// tellsAlone runs the check out of an unpacked bundle, which must have one finding alone.
func tellsAlone(t *testing.T, m *host.Machine, id string, want int) {
	t.Helper()
	code, out := m.ShCode(t, "/root/c/opt/"+prefix+"/4.2.0/bin/engine check --json")
	var v verdict
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != want || v.Verdict != id || len(v.Findings) != 1 || v.Findings[0].ID != id {
		t.Errorf("check: exit %d, want %d and %s alone (%v)\n%s", code, want, id, err, out)
	}
}

// checkTells runs the check of a bundle, by the command by, and looks for each cause's finding.
func checkTells(t *testing.T, m *host.Machine, to, by string, causes []cause) {
	t.Helper()
	code, out := m.ShCode(t, "cd / && "+by+" /root/c/opt/"+prefix+"/"+to+"/bin/engine check --json")
	if code != 3 {
		t.Errorf("check: exit %d, want 3", code)
	}
	var v verdict
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Errorf("%v\n%s", err, out)
		return // the causes are still to be mended
	}
	told := map[string]string{}
	var list []string
	for _, f := range v.Findings {
		told[f.ID] = f.Level
		list = append(list, fmt.Sprintf("%s %s: %s", f.Level, f.ID, f.What))
	}
	for _, c := range causes {
		if told[c.finding] != "refuse" {
			t.Errorf("no finding %s of level refuse in:\n%s", c.finding, strings.Join(list, "\n"))
		}
	}
	if v.Verdict != "refused" {
		t.Errorf("the verdict is %q", v.Verdict)
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
		if code, out := m.ShCode(t, prefix+" wait"); code != 3 || !strings.Contains(out, "refused when its package was installed") {
			t.Errorf("wait: exit %d, want 3 and why\n%s", code, out)
		}
		if code, out := m.ShCode(t, prefix+" start"); code != 3 {
			t.Errorf("start: exit %d, want 3\n%s", code, out)
		}
	}
}
