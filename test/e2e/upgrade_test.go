// Package e2e upgrades whole machines with the bundles that make bundles built:
// systemd, rpm, dnf, PostgreSQL, nginx and the product in each are real.
package e2e

import (
	"fmt"
	"strings"
	"testing"

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
	if err := m.AwaitProduct(t.Context(), "4.2.0"); err != nil {
		t.Fatal(err)
	}
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
	report := m.Sh(t, prefix+" report")
	for _, note := range []string{"could not be marked", "turned away"} { // what the jump before had updates leave out; what clients are when they cannot wait
		if strings.Contains(report, note) {
			t.Errorf("the report says %q:\n%s", note, report)
		}
	}
}
