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
	const counts = `curl -fsS 'http://127.0.0.1:9200/_count' | grep -o '"count":[0-9]*'; for what in blueprints deployments nodes node-instances \
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
	m.Sh(t, "for i in $(seq 600); do curl -fsS 'http://127.0.0.1:9200/_cluster/health' | grep -q '\"unassigned_shards\":0\\|\"status\":\"yellow\"' && exit; sleep 0.1; done; exit 1")
	if after := m.Sh(t, counts); after != before {
		t.Errorf("before the cut there was\n%s\nafter it\n%s", before, after)
	}
}
