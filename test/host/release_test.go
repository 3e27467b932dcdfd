package host_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"onerpm/test/host"
)

// A machine at a release serves it, with data, and so it does after a cut of its power.
func TestRelease(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true, DiskMiB: 1024})
	packages := m.Sh(t, "rpm -qa | grep -v ^host-base | sort")
	if !strings.Contains(packages, "-4.1.1-ga.") {
		t.Errorf("installed is\n%s", packages)
	}
	check := func() {
		t.Helper()
		if got := m.Sh(t, "systemctl --failed --no-legend; rpm -Va --nomtime --noconfig; ls /var/tmp/bootstrap 2>/dev/null || true"); got != "" {
			t.Errorf("the machine is not as installed:\n%s", got)
		}
		if got := m.Sh(t, "systemctl is-active postgresql-9.5 postgresql@15-main"); got != "active\nactive" {
			t.Errorf("the database's units: %s", got)
		}
		resp, err := m.HTTP().Get("http://127.0.0.1/api/v3.1/version")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var answer struct{ Version string }
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK || answer.Version != "4.1.1" {
			t.Errorf("it answers %s, version %q, %v", resp.Status, answer.Version, err)
		}
	}
	check()
	if err := m.PowerCut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.AwaitProduct(t.Context(), "4.1.1"); err != nil {
		t.Fatal(err)
	}
	check()
}

// A machine of release 3.4.2 has Elasticsearch and no PostgreSQL, and what users and the worker made is there after a cut of its power.
func TestReleaseOnElasticsearch(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "3.4.2", Data: true, DiskMiB: 2048})
	// The product answers before all of Elasticsearch's shards do.
	const counts = `for i in $(seq 600); do curl -fsS http://127.0.0.1:9200/_cluster/health | grep -q '"status":"yellow"' && break; sleep 0.1; done
		curl -fsS -X POST http://127.0.0.1:9200/_refresh >/dev/null; curl -fsS 'http://127.0.0.1:9200/_count' | grep -o '"count":[0-9]*'; for what in blueprints deployments nodes node-instances \
		'executions?_include_system_workflows=true' plugins snapshots deployment-updates deployment-modifications events; do
		printf '%s ' "$what"; curl -fsS "http://127.0.0.1/api/v2.1/$what" | grep -o '"total":[0-9]*'; done`
	before := m.Sh(t, counts)
	t.Log(before)
	if strings.Contains(before, `"total":0`) || strings.Count(before, "total") != 10 {
		t.Errorf("there is\n%s", before)
	}
	check := func() {
		t.Helper()
		if got := m.Sh(t, "systemctl --failed --no-legend; rpm -Va --nomtime --noconfig; pg_lsclusters -h; pgrep -l postgres; ls /var/tmp/bootstrap 2>/dev/null || true"); got != "" {
			t.Errorf("the machine is not as installed:\n%s", got)
		}
		if got := m.Sh(t, "systemctl is-active elasticsearch logstash nginx cloudify-restservice cloudify-mgmtworker cloudify-influxdb cloudify-amqpinflux"); strings.Count(got, "active") != 7 {
			t.Errorf("units:\n%s", got)
		}
	}
	check()
	if err := m.PowerCut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.AwaitProduct(t.Context(), "3.4.2"); err != nil {
		t.Fatal(err)
	}
	check()
	if after := m.Sh(t, counts); after != before {
		t.Errorf("before the cut there was\n%s\nafter it\n%s", before, after)
	}
	if got := m.Sh(t, `curl -fsS -X PUT http://127.0.0.1:9200/logstash-2016.01.01 >/dev/null; indices='http://127.0.0.1:9200/_cat/indices?h=index'; curl -fsS $indices | sort >/tmp/before
		/etc/cron.daily/rotate_es_indices; curl -fsS $indices | sort | diff /tmp/before - || true`); !strings.HasSuffix(got, "< logstash-2016.01.01") || strings.Count(got, "<") != 1 {
		t.Errorf("the cron job's work: %s", got)
	}
	if err := m.FillAwkward(t.Context(), "3.4.2", "--seed", "5", "--deployments", "1"); err != nil {
		t.Fatal(err)
	}
	if got := m.Sh(t, `curl -fsS 'http://127.0.0.1/api/v2.1/deployments?_size=1000' | grep -o '"two words"' | head -1`); got != `"two words"` {
		t.Errorf("the awkward ids: %s", got)
	}
	postgresArrives(t, m)
}

// postgresArrives adds the package of PostgreSQL, makes a cluster by its script, and takes all of it away again.
func postgresArrives(t *testing.T, m *host.Machine) {
	t.Helper()
	const name = "postgresql95-server-9.5.3-2PGDG.rhel7.x86_64.rpm"
	if err := m.CopyIn("../../dist/components/4.0.1/"+name, "/root/"+name); err != nil {
		t.Fatal(err)
	}
	const ask = `runuser -u postgres -- psql -qAtc "select 'there'" 2>/dev/null || echo away`
	for _, step := range []struct{ do, want string }{
		{"rpm -i /root/" + name + " && systemctl is-active postgresql-9.5 || true", "inactive"},
		{"/usr/pgsql-9.5/bin/postgresql95-setup initdb && systemctl is-active postgresql@15-main || true", "Initializing database ... OK\ninactive"},
		{"systemctl enable --now -q postgresql-9.5 && cd / && " + ask, "there"},
		{"/usr/pgsql-9.5/bin/postgresql95-setup initdb 2>&1 || true", "Data directory is not empty!"},
		{"systemctl stop postgresql-9.5; cd /; " + ask, "away"},
		{"systemctl start postgresql-9.5; cd /; " + ask, "there"},
		{"rpm -e postgresql95-server; cd /; " + ask + "; pg_dropcluster 15 main; ls /etc/postgresql/15 /var/lib/postgresql/15 2>/dev/null || true", "away"},
	} {
		if got := m.Sh(t, step.do); got != step.want {
			t.Errorf("%s: %q, want %q", step.do, got, step.want)
		}
	}
}
