// Package e2e upgrades whole machines with the bundles that make bundles built:
// systemd, rpm, dnf, PostgreSQL, nginx and the product in each are real.
package e2e

import (
	"fmt"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/test/host"
)

// upgrade installs a bundle as a customer does and waits for the end.
func upgrade(t *testing.T, m *host.Machine, to string) {
	t.Helper()
	rpm := give(t, m, to)
	code, out := m.ShCode(t, "dnf install -y "+rpm+" && "+prefix+" wait")
	if code != 0 {
		_, log := m.ShCode(t, prefix+" report; "+prefix+" log | tail -60")
		t.Fatalf("dnf install %s && wait: exit %d\n%s\n%s", rpm, code, out, log)
	}
	t.Logf("%s", out[max(0, strings.LastIndex(out, "done:")):])
}

// checkNew proves that a machine is the release: packages, files, units, API.
func checkNew(t *testing.T, m *host.Machine, to string) {
	t.Helper()
	mf := manifestOf(t, m, to)
	if got, want := productPackages(t, m), wantPackages(mf.New); got != want {
		t.Errorf("packages:\n%s\nwant\n%s", got, want)
	}
	checkFiles(t, m, mf)
	for _, s := range mf.Services {
		want := "active"
		if s.Only == manifest.Old {
			want = "inactive"
		}
		if _, got := m.ShCode(t, "systemctl is-active "+s.Unit); strings.TrimSpace(got) != want {
			t.Errorf("unit %s is %s, want %s", s.Unit, strings.TrimSpace(got), want)
		}
	}
	if got := m.Sh(t, "curl -sS -m 10 http://127.0.0.1/api/v3.1/version"); !strings.Contains(got, `"`+to+`"`) {
		t.Errorf("version through the door: %s, want %s", got, to)
	}
	if got := m.Sh(t, "cat /var/lib/"+prefix+"/state"); got != "done" {
		t.Errorf("state is %q, want done", got)
	}
	if _, got := m.ShCode(t, `ls /etc/systemd/system/*.d/50-`+prefix+`.conf /var/lib/`+prefix+`/window /etc/systemd/system/`+prefix+`.service 2>/dev/null`); got != "" {
		t.Errorf("left behind: %s", got)
	}
	if got := m.Sh(t, `find / -xdev -regextype posix-extended -regex '.*;[0-9a-f]{8}' -not -path '/proc/*' | head`); got != "" {
		t.Errorf("rpm's temporaries were left: %s", got)
	}
}

// checkFiles lets rpm itself say that the files are as the packages have them,
// outside declared configuration and state.
func checkFiles(t *testing.T, m *host.Machine, mf *manifest.Manifest) {
	t.Helper()
	exempt := append([]string{}, mf.State...)
	for _, c := range mf.Config {
		exempt = append(exempt, c.Target)
	}
	for _, p := range mf.New {
		_, out := m.ShCode(t, "rpm -V --nomtime "+p.Name)
	lines:
		for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
			fields := strings.Fields(line)
			if len(fields) < 2 || fields[1] == "c" { // "c" marks %config
				continue
			}
			path := fields[len(fields)-1]
			for _, e := range exempt {
				if path == e || strings.HasPrefix(path, e+"/") {
					continue lines
				}
			}
			t.Errorf("rpm -V %s: %s", p.Name, line)
		}
	}
}

// serve returns what the API answers to the questions that both releases
// understand, with what only 4.2 says left out.
func serve(t *testing.T, m *host.Machine) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, what := range []string{"blueprints", "deployments", "executions", "events", "nodes", "node-instances"} {
		for _, tenant := range strings.Fields(m.Sh(t, psql("select name from tenants order by 1"))) {
			key := what + " of " + tenant
			found[key] = m.Sh(t, fmt.Sprintf(
				`curl -sS -m 20 -u admin:open-sesame-42 -H 'Tenant: %s' 'http://127.0.0.1/api/v3.1/%s?_size=1000&_sort=id' | python3 -c '
import json, sys
answer = json.load(sys.stdin)
for item in answer["items"]:
    item.pop("resource_availability", None)
answer["items"].sort(key=lambda item: json.dumps(item, sort_keys=True)) # rows of one time come in any order
print(json.dumps(answer, sort_keys=True))'`, tenant, what))
		}
	}
	return found
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	answers, data := serve(t, m), rows(t, m, "resource_availability", "role_id", "version_num")
	uploads := files(t, m, "/opt/manager/resources/blueprints")
	if len(uploads) < 3 {
		t.Fatalf("the machine has no uploaded blueprints: %v", uploads)
	}
	upgrade(t, m, "4.2.0")
	checkNew(t, m, "4.2.0")
	same(t, "answers of the API", answers, serve(t, m))
	after := rows(t, m, "resource_availability", "role_id", "version_num")
	for _, seeded := range []string{"roles"} { // 4.2.0 has more roles
		delete(data, seeded)
		delete(after, seeded)
	}
	same(t, "rows", data, after)
	same(t, "uploaded blueprints", uploads, files(t, m, "/opt/manager/resources/blueprints"))
	if got := m.Sh(t, "rpm -q cloudify-composer"); !strings.HasPrefix(got, "cloudify-composer-4.2.0-ga") {
		t.Errorf("the new package: %s", got)
	}
	if code, got := m.ShCode(t, "rpm -q cloudify-blueprint-composer"); code == 0 {
		t.Errorf("the dropped package is there: %s", got)
	}
	m.Sh(t, "cd /etc/cloudify/ssl && cmp cloudify_internal_cert.pem cloudify_internal_ca_cert.pem") // a hook's work
	if got := m.Sh(t, psql("select version_num from alembic_version")); got != "f1dab814a4a0" {
		t.Errorf("schema is %s", got)
	}
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.Sh(t, `for i in $(seq 100); do curl -fsS -m 5 http://127.0.0.1/api/v3.1/version && exit; sleep 0.2; done; exit 1`)
	checkNew(t, m, "4.2.0")
}

func TestTwoJumps(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.0.1", Data: true})
	uploads := files(t, m, "/opt/manager/resources/blueprints")
	upgrade(t, m, "4.1.1")
	checkNew(t, m, "4.1.1")
	upgrade(t, m, "4.2.0")
	checkNew(t, m, "4.2.0")
	same(t, "uploaded blueprints", uploads, files(t, m, "/opt/manager/resources/blueprints"))
}
