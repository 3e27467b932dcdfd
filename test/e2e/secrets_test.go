package e2e

import (
	"strings"
	"testing"

	"onerpm/test/host"
)

// secrets are where the product keeps secrets, and how one is read there.
var secrets = map[string]string{
	"database password": `sed -n "s/^ *postgresql_password: '\(.*\)',$/\1/p" /opt/manager/cloudify-rest.conf`,
	"broker password":   `sed -n "s/^ *amqp_password: '\(.*\)',$/\1/p" /opt/manager/cloudify-rest.conf`,
	"hash_salt":         `python3 -c 'import json; print(json.load(open("/opt/manager/rest-security.conf"))["hash_salt"])'`,
	"secret_key":        `python3 -c 'import json; print(json.load(open("/opt/manager/rest-security.conf"))["secret_key"])'`,
	"admin password":    `python3 -c 'import json; print(json.load(open("/root/.cloudify/profile.json"))["password"])'`,
}

// TestNoSecretIsTold looks for the product's secrets in everything that an upgrade, and one
// that fails, shows: argument lists and environments of all processes, logs, reports,
// the system's journal, and files that everybody may read.
func TestNoSecretIsTold(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	m.Sh(t, plantSecrets)
	secret := map[string]string{"random admin_password": ""}
	for what, read := range secrets {
		secret[what] = m.Sh(t, read)
	}
	m.Sh(t, "mkdir -p /etc/"+prefix+" && touch /etc/"+prefix+"/manual && dnf install -y "+give(t, m, "4.2.0"))
	m.Sh(t, sampleProcesses)
	m.Sh(t, restDropIn(`ExecStartPre=/bin/sh -c "! grep -q wsgi /usr/lib/systemd/system/cloudify-restservice.service"`))
	if code, out := m.ShCode(t, prefix+" check; "+prefix+" start && "+prefix+" wait"); code != 4 {
		t.Fatalf("exit %d, want 4\n%s", code, out)
	}
	m.Sh(t, restMend)
	m.Sh(t, "systemctl stop postgresql; "+prefix+" check >/root/told.check 2>&1; systemctl start postgresql postgresql-9.5") // a connection that fails
	if code, out := m.ShCode(t, prefix+" start && "+prefix+" wait"); code != 0 {
		t.Fatalf("exit %d, want 0\n%s", code, out)
	}
	secret["random admin_password"] = m.Sh(t, `python3 -c 'import json; print(json.load(open("/opt/manager/rest-security.conf"))["admin_password"])'`)
	m.Sh(t, `touch /root/stop; while systemctl is-active -q sample; do sleep 0.1; done; cd /root
`+prefix+` report > told.report; `+prefix+` report --json > told.json; `+prefix+` status > told.status; `+prefix+` log > told.log; journalctl --no-pager > told.journal`)
	for what, value := range secret {
		if len(value) < 8 {
			t.Errorf("%s is %q: too short to be looked for", what, value)
			continue
		}
		if found := m.Sh(t, look(value)); found != "" {
			t.Errorf("%s is told in:\n%s", what, found)
		}
	}
	if seen := m.Sh(t, "grep -c engine /root/processes; grep -c pg_dump /root/processes || true"); strings.HasPrefix(seen, "0") {
		t.Errorf("the samples hold no engine: %s", seen)
	}
}

// sampleProcesses is a script that collects the arguments and environments of all processes from now on, until there is /root/stop, in /root/processes.
const sampleProcesses = `cat > /root/sample <<'END'
import glob, os, re, time
seen = set()
while not os.path.exists("/root/stop"):
    for p in glob.glob("/proc/[0-9]*"):
        try:
            seen.add(open(p + "/cmdline", "rb").read())
            environ = open(p + "/environ", "rb").read() # before its group: systemd moves a process there first and runs the service's program then
            if not re.search("/cloudify-(?!upgrade)", open(p + "/cgroup").read()): # the product's own may have secrets there
                seen.add(environ)
        except OSError:
            pass
    time.sleep(0.02)
with open("/root/processes", "wb") as f:
    f.write(b"\n".join(seen).replace(b"\0", b"\n"))
END
systemd-run --quiet --collect --unit sample python3 /root/sample
`

// plantSecrets gives the product secrets that cannot be mistaken for anything else:
// the bootstrap's database password is the product's own name.
const plantSecrets = `set -e
su postgres -c "psql -Xqc \"alter role cloudify password 'Pl4nted-database-s3cret'\""
sed -i "s/\(postgresql_password: '\).*'/\1Pl4nted-database-s3cret'/" /opt/manager/cloudify-rest.conf
sed -i 's/:cloudify$/:Pl4nted-database-s3cret/' /etc/cloudify/.pgpass
systemctl restart cloudify-restservice cloudify-mgmtworker
for i in $(seq 600); do curl -fsS -m 5 http://127.0.0.1/api/v3.1/version && exit; sleep 0.2; done; exit 1`

// look is a script that prints where a value is told. It runs after the samples
// were taken: it has the value in its own argument list.
func look(value string) string {
	return `cat > /root/value <<'END'
` + value + `
END
cd /root; grep -lF -f value told.* processes
find /var/lib/` + prefix + ` -type f \( -name '*log*' -o -name '*.json' -o -name 'rpm-*' \) -not -path '*/backup/*' -exec grep -lF -f /root/value {} +
find /opt/` + prefix + ` /var/lib/` + prefix + ` /tmp /var/tmp /run -type f -perm -o=r -exec grep -lF -f /root/value {} + 2>/dev/null
rm value; true`
}
