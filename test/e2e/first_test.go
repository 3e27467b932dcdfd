package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// administrator is what the first jump needs of an admin: its product has no users before.
var administrator = machinecheck.Administrator("root-of-all", "open-sesame-42")

// listed are the resources of the API that 3.4.2 and the later releases have.
var listed = []string{"blueprints", "deployments", "nodes", "node-instances", "executions", "plugins", "snapshots", "deployment-updates", "deployment-modifications", "events"}

// item is one thing that the API shows.
type item map[string]any

// items returns everything that the API shows, by resource.
func items(t *testing.T, m *host.Machine, version string) map[string][]item {
	t.Helper()
	found := map[string][]item{}
	for _, resource := range listed {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/api/"+version+"/"+resource+"?_size=10000&_include_system_workflows=true", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("root-of-all", "open-sesame-42") // 3.4.2 asks nobody
		req.Header.Set("Tenant", "default_tenant")
		resp, err := m.HTTP().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		var answer struct{ Items []item }
		numbers := json.NewDecoder(bytes.NewReader(body))
		numbers.UseNumber() // they are to stay as they are written
		if err := errors.Join(err, resp.Body.Close(), numbers.Decode(&answer)); err != nil || len(answer.Items) == 0 {
			t.Fatalf("%s: %s, %v: %.300s", resource, resp.Status, err, body)
		}
		found[resource] = answer.Items
	}
	return found
}

// parseItem reads one item; its numbers stay as they are written.
func parseItem(t *testing.T, text string) (i item) {
	t.Helper()
	numbers := json.NewDecoder(strings.NewReader(text))
	numbers.UseNumber()
	if err := numbers.Decode(&i); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return i
}

// providerContext is what 3.4.2 shows of its provider context, and how 4.0.1 keeps it: its agents find the broker where 3.4.2 does,
// unless the context says where.
func providerContext(t *testing.T, m *host.Machine) string {
	t.Helper()
	is := parseItem(t, m.Sh(t, "curl -fsS http://127.0.0.1/api/v2.1/provider/context"))
	all, _ := is["context"].(map[string]any)
	cloudify, _ := all["cloudify"].(map[string]any)
	agent, ok := cloudify["cloudify_agent"].(map[string]any)
	if !ok || agent["broker_ip"] != nil {
		t.Fatalf("the provider context tries nothing: %v", is)
	}
	agent["broker_ip"] = m.Sh(t, `sed -n "s/.*amqp_address: '\([^']*\)'.*/\1/p" /opt/manager/cloudify-rest.conf`)
	if agent["broker_ip"] == "" {
		t.Fatal("cloudify-rest.conf names no broker")
	}
	is["id"] = "CONTEXT"
	return is.text(t)
}

// keptContexts are the provider contexts of a later release, one a line. Its demo product has no API for them.
func keptContexts(t *testing.T, m *host.Machine) string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(m.Sh(t, psql("select row_to_json(c) from (select id, name, convert_from(context, 'UTF8')::json as context from provider_context) c"))) {
		lines = append(lines, parseItem(t, line).text(t))
	}
	return strings.Join(lines, "\n")
}

// wall is how a later release shows a time of 3.4.2: the same wall clock, in milliseconds.
func wall(t *testing.T, text any) string {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05.999999", fmt.Sprint(text))
	if err != nil {
		t.Error(err)
	}
	return at.Format("2006-01-02T15:04:05.000Z")
}

// places are the ids that what was deleted long ago leaves documents about.
type places struct{ deployments, nodes, executions map[string]bool }

// placesOf tells what the later releases have a place for: what belongs to something that is there.
func placesOf(all map[string][]item) places {
	p := places{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, d := range all["deployments"] {
		p.deployments[d["id"].(string)] = true
	}
	for _, n := range all["nodes"] {
		if p.deployments[fmt.Sprint(n["deployment_id"])] {
			p.nodes[fmt.Sprint(n["deployment_id"], " ", n["id"])] = true
		}
	}
	for _, e := range all["executions"] {
		if e["deployment_id"] == nil || p.deployments[fmt.Sprint(e["deployment_id"])] {
			p.executions[e["id"].(string)] = true
		}
	}
	return p
}

// agentOf is what a node instance says of its agent, nil for none.
func agentOf(instance item) map[string]any {
	runtime, _ := instance["runtime_properties"].(map[string]any)
	agent, _ := runtime["cloudify_agent"].(map[string]any)
	return agent
}

// expected is how the later releases show what 3.4.2 showed, or false when they have no place for it. It is an understanding of
// its own: the bundle's mapping is not asked.
func (p places) expected(t *testing.T, resource string, was item) (item, bool) {
	t.Helper()
	is := item{}
	for field, value := range was {
		is[field] = value
	}
	for _, field := range []string{"created_at", "updated_at", "uploaded_at", "ended_at"} {
		if value, ok := was[field]; ok && value != nil {
			is[field] = wall(t, value)
		}
	}
	there := true
	switch resource {
	case "nodes":
		there = p.nodes[fmt.Sprint(was["deployment_id"], " ", was["id"])]
	case "node-instances":
		there = p.nodes[fmt.Sprint(was["deployment_id"], " ", was["node_id"])]
		if agent := agentOf(is); agent != nil && agent["version"] == nil {
			agent["version"] = "3.4.2" // by which a later release knows how to talk to it
		}
	case "executions":
		there = p.executions[was["id"].(string)]
	case "deployment-updates", "deployment-modifications":
		there = p.deployments[was["deployment_id"].(string)]
	case "events":
		return p.event(t, was)
	}
	return is, there
}

// event is an event or log: 3.4.2 shows the document, the later releases a row.
func (p places) event(t *testing.T, was item) (item, bool) {
	t.Helper()
	about := was["context"].(map[string]any)
	message := was["message"].(map[string]any)
	is := item{"type": was["type"], "timestamp": was["@timestamp"], "message": message["text"], "execution_id": about["execution_id"],
		"deployment_id": about["deployment_id"], "operation": about["operation"], "node_instance_id": about["node_id"],
		"event_type": was["event_type"], "level": was["level"], "logger": was["logger"]}
	if execution, ok := about["execution_id"].(string); !ok || !p.executions[execution] {
		return nil, false
	}
	return is, true
}

// only leaves of an item's fields those that another one has.
func (i item) only(o item) item {
	out := item{}
	for field := range o {
		out[field] = i[field]
	}
	return out
}

// widened takes out of an item what the jump adds to it, and demands that it is there.
func widened(t *testing.T, resource string, is item) item {
	t.Helper()
	out := item{}
	for field, value := range is {
		out[field] = value
	}
	switch resource {
	case "deployments":
		out["workflows"] = slices.DeleteFunc(slices.Clone(is["workflows"].([]any)), func(w any) bool { return w.(map[string]any)["name"] == "install_new_agents" })
		if len(out["workflows"].([]any)) == len(is["workflows"].([]any)) {
			t.Errorf("deployment %v has no workflow install_new_agents", is["id"])
		}
	case "nodes":
		if operations, ok := is["operations"].(map[string]any); ok && strings.Contains(fmt.Sprint(is["type_hierarchy"]), "cloudify.nodes.Compute") {
			const agent = "cloudify.interfaces.cloudify_agent."
			less := map[string]any{}
			for name, o := range operations {
				less[name] = o
			}
			delete(less, agent+"create_amqp")
			delete(less, agent+"validate_amqp")
			if len(less) != len(operations)-2 {
				t.Errorf("node %v has no operations for its new agent", is["id"])
			}
			out["operations"] = less
		}
	case "node-instances":
		if agent := agentOf(is); agent != nil {
			if agent["broker_config"] == nil {
				t.Errorf("agent of %v: %v", is["id"], agent)
			}
			delete(agent, "broker_config")
		}
	}
	return out
}

// text is an item to compare and to show; its order is that of its fields.
func (i item) text(t *testing.T) string {
	t.Helper()
	b, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// compareItems holds what a later release shows against what 3.4.2 showed.
func compareItems(t *testing.T, before, after map[string][]item) {
	t.Helper()
	p := placesOf(before)
	for _, resource := range listed {
		var want, got []string
		var like item
		for _, was := range before[resource] {
			if is, there := p.expected(t, resource, was); there {
				want, like = append(want, is.text(t)), is
			}
		}
		for _, is := range after[resource] {
			got = append(got, widened(t, resource, is).only(like).text(t))
		}
		slices.Sort(want)
		slices.Sort(got)
		if len(want) < 2 || len(want) == len(before[resource]) && slices.Contains([]string{"nodes", "executions", "events"}, resource) {
			t.Errorf("%s: of %d there is a place for %d, which tries nothing", resource, len(before[resource]), len(want))
		}
		if len(want) != len(got) {
			t.Errorf("%s: %d, want %d", resource, len(got), len(want))
		}
		for i := range min(len(want), len(got)) {
			if want[i] != got[i] {
				t.Errorf("%s:\n%.1500s\nwant\n%.1500s", resource, got[i], want[i])
				break
			}
		}
	}
}

// versions are those of the node instances, by id.
func versions(all map[string][]item) map[string]any {
	found := map[string]any{}
	for _, i := range all["node-instances"] {
		found[i["id"].(string)] = i["version"]
	}
	return found
}

// archives are the digests of what users and the worker put into folders that each tenant has one of later, by path below them.
func archives(t *testing.T, m *host.Machine, tenant string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, folder := range []string{"/opt/manager/resources/blueprints", "/opt/manager/resources/uploaded-blueprints", "/opt/manager/resources/deployments", "/opt/mgmtworker/work/deployments", "/opt/mgmtworker/env/plugins"} {
		root := path.Join(folder, tenant)
		for name, is := range files(t, m, root) {
			if strings.HasPrefix(is, "f ") && !strings.Contains(is, " cfyuser:") == (tenant == "") {
				found[folder+strings.TrimPrefix(name, root)] = is[strings.LastIndex(is, " "):]
			}
		}
	}
	return found
}

// TestThreeJumps takes a machine of the oldest release out of Elasticsearch and on to the newest, from one bucket: everything that had a
// place is what it was, field by field, and stays so.
func TestThreeJumps(t *testing.T) {
	t.Parallel()
	b := publish(t)
	m := host.Start(t, host.Options{Release: "3.4.2", Data: true})
	b.join(t, m)
	m.Sh(t, b.addRepository())
	// keys that no release's file has before 4.1.1; there they are an admin's own
	m.Sh(t, `sed -i '1s/{/{ max_results: 5000, min_available_memory_mb: 128,/' /opt/manager/cloudify-rest.conf`)
	before, uploads, provider := items(t, m, "v2.1"), archives(t, m, ""), providerContext(t, m)
	if len(uploads) < 20 {
		t.Fatalf("the machine has only these files: %v", uploads)
	}
	m.Sh(t, administrator+`; sed -i 's/"admin"/"root-of-all"/' /root/.cloudify/profile.json`)
	var last map[string][]item
	for _, to := range []string{"4.0.1", "4.1.1", "4.2.0"} {
		if code, out := m.ShCode(t, "dnf install -y "+prefix+"-"+to+" && "+prefix+" wait"); code != 0 {
			t.Fatalf("to %s: exit %d\n%s\n%s", to, code, out, machinecheck.Report(t, m))
		}
		checkNew(t, m, to)
		last = items(t, m, "v3.1")
		compareItems(t, before, last)
		if got := keptContexts(t, m); got != provider {
			t.Errorf("the provider context at %s:\n%s\nwant\n%s", to, got, provider)
		}
		same(t, "files at "+to, uploads, archives(t, m, "default_tenant"))
		if got := m.Sh(t, "grep -oE '(max_results|min_available_memory_mb): [0-9]+' /opt/manager/cloudify-rest.conf"); got != "max_results: 5000\nmin_available_memory_mb: 128" {
			t.Errorf("at %s cloudify-rest.conf has %q, want what the admin wrote", to, got)
		}
	}
	m.Sh(t, `cfy executions start sleep -d deployment-0 -p '{"plugin": "cloudify-demo-plugin-1.0"}'`) // fails where it is not in its tenant's folder
	is := versions(last)
	for id, version := range versions(before) {
		if got, there := is[id]; there && got != version {
			t.Errorf("node instance %s is at version %v, was at %v", id, got, version)
		}
	}
	if got := m.Sh(t, "rpm -qa 'elasticsearch*' 'logstash*'; systemctl --failed --no-legend; ls /etc/systemd/system/*/restart.conf 2>/dev/null || true"); got != "" {
		t.Errorf("left of 3.4.2, or failed: %s", got)
	}
	if got := m.Sh(t, prefix+" clean >/dev/null; ls -d /var/lib/elasticsearch /etc/elasticsearch 2>/dev/null || true"); got != "" {
		t.Errorf("after clean there is %s", got)
	}
}

// TestFirstJumpBack: 4.0.1 does not start, and the machine is what it was, with PostgreSQL gone without a trace. Before that what an admin
// has not said yet is refused, and nothing is changed.
func TestFirstJumpBack(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "3.4.2", Data: true})
	clean := whole(t, m)
	if code, out := m.ShCode(t, "dnf install -y "+give(t, m, "4.0.1")); code != 0 || !strings.Contains(out, "hook-needs") || !strings.Contains(out, "not-accepted") || !strings.Contains(out, "was not started") {
		t.Errorf("without an administrator: exit %d\n%s", code, out)
	}
	same(t, "before and after the refusal", clean, whole(t, m))
	m.Sh(t, administrator)
	m.Sh(t, machinecheck.Spoil("4.0.1"))
	before := whole(t, m)
	code, out := m.ShCode(t, prefix+" start && "+prefix+" wait")
	if code != 4 {
		t.Fatalf("exit %d, want 4\n%s\n%s", code, out, machinecheck.Report(t, m))
	}
	same(t, "before and after the way back", before, whole(t, m))
	if err := m.AwaitProduct(t.Context(), "3.4.2"); err != nil {
		t.Error(err)
	}
	m.Sh(t, machinecheck.Mend)
	m.Sh(t, prefix+" start && "+prefix+" wait")
	checkNew(t, m, "4.0.1")
}

const (
	security  = "/opt/manager/rest-security.conf"
	resources = "/opt/manager/resources/"
	elastic   = "curl -fsS -o /dev/null http://127.0.0.1:9200"
	// startElastic waits until its shards, which are five a day, are there.
	startElastic = "systemctl start elasticsearch && for i in $(seq 600); do curl -fsS http://127.0.0.1:9200/_cluster/health | grep -q '\"status\":\"yellow\"' && exit; sleep 0.1; done; exit 1"
)

// secured is a script that has 3.4.2 ask for names and passwords from its next start on, of users that are kept in some way.
func secured(userstore string) string {
	return `sed -i 's/"enabled": false,$/"enabled": true,/; s/"implementation": "flask_securest.userstores.simple:SimpleUserstore"/"implementation": "` + userstore + `"/' ` + security
}

// firstRefusals are what only the first jump refuses, one at a time.
var firstRefusals = []cause{
	{"hook-needs", "mv /etc/" + prefix + "/administrator /root/", "mv /root/administrator /etc/" + prefix + "/"},
	{"not-accepted", "mv /etc/" + prefix + "/upgrade.conf /root/", "mv /root/upgrade.conf /etc/" + prefix + "/"},
	{"not-accepted", "cp -a " + security + " /root/ && " + secured("foreign:Userstore"), "cp -a /root/rest-security.conf /opt/manager/"},
	{"check-failed", "cp -a " + security + " /root/ && " + secured("flask_securest.userstores.simple:SimpleUserstore") + " && sed -i 's/\"users\": \\[/\"users\": 5, \"others\": [/' " + security, "cp -a /root/rest-security.conf /opt/manager/"},
	{"early-in-the-way", "mkdir -p /usr/pgsql-9.5/bin && touch /usr/pgsql-9.5/bin/postgresql95-setup", "rm -r /usr/pgsql-9.5"},
	{"database-address", "cp -a /opt/manager/cloudify-rest.conf /root/ && sed -i '1s/^/{{/' /opt/manager/cloudify-rest.conf", "cp -a /root/cloudify-rest.conf /opt/manager/"},
	{"store-address", "cp -a /opt/manager/cloudify-rest.conf /root/ && sed -i '/db_address/d' /opt/manager/cloudify-rest.conf", "cp -a /root/cloudify-rest.conf /opt/manager/"},
	{"move-kind", "mv /opt/mgmtworker/work/deployments /root/ && touch /opt/mgmtworker/work/deployments", "rm /opt/mgmtworker/work/deployments && mv /root/deployments /opt/mgmtworker/work/"},
	{"move-link", "mv " + resources + "deployments /root/ && ln -s /root/deployments " + resources + " && chown -h nobody " + resources + "deployments", "rm " + resources + "deployments && mv /root/deployments " + resources},
	{"move-mount", "mount -t tmpfs none " + resources + "uploaded-blueprints/blueprint-0", "umount " + resources + "uploaded-blueprints/blueprint-0"},
	{"move-target-there", "mkdir -p " + resources + "blueprints/default_tenant/blueprint-0", "rm -r " + resources + "blueprints/default_tenant"},
	{"owner-hard-link", "touch " + resources + "mine && ln " + resources + "mine /root/mine", "rm " + resources + "mine /root/mine"},
	{"store-closed", elastic + "/logstash-2016.01.01 -X PUT && " + elastic + "'/_cluster/health/logstash-2016.01.01?wait_for_status=yellow&timeout=60s' && " + elastic + "/logstash-2016.01.01/_close -X POST", elastic + "/logstash-2016.01.01 -X DELETE"},
	{"store-shards", elastic + `/logstash-2016.01.01 -X PUT -d '{"settings": {"index.routing.allocation.require._name": "nobody"}}'`, elastic + "/logstash-2016.01.01 -X DELETE"},
	{"store-unknown", elastic + "/strange/thing/1?refresh=true -X PUT -d '{}'", elastic + "/strange -X DELETE"},
	{"store-misfit", elastic + `/cloudify_storage/snapshot/odd?refresh=true -X PUT -d '{"id": "odd", "status": "strange", "created_at": "2017-01-05 10:20:30"}'`, elastic + "/cloudify_storage/snapshot/odd?refresh=true -X DELETE"},
	{"low-memory", "sed '/^MemAvailable/s/:.*/: 900000 kB/' /proc/meminfo >/root/meminfo && mount --bind /root/meminfo /proc/meminfo", "umount /proc/meminfo && rm /root/meminfo"},
	{"store-unreachable", "systemctl stop elasticsearch", startElastic},
	{"store-version", `systemctl stop elasticsearch; systemd-run --quiet --collect --unit other python3 -c '
import http.server
class Other(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"{\"version\": {\"number\": \"7.10.2\"}}")
    do_POST = do_GET
http.server.HTTPServer(("127.0.0.1", 9200), Other).serve_forever()'
for i in $(seq 100); do (: < /dev/tcp/127.0.0.1/9200) 2>/dev/null && break; sleep 0.1; done`, "systemctl stop other; " + startElastic},
}

// TestFirstJumpRefusals gives a machine of 3.4.2 the reasons to refuse that only the first jump knows: check tells each, and changes nothing.
func TestFirstJumpRefusals(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "3.4.2", Data: true})
	m.Sh(t, "mkdir /root/c && cd /root/c && rpm2cpio "+give(t, m, "4.0.1")+" | cpio -idm --quiet")
	m.Sh(t, administrator)
	clean := whole(t, m)
	for _, c := range firstRefusals {
		m.Sh(t, c.make)
		checkTells(t, m, "4.0.1", "", []cause{c})
		m.Sh(t, c.mend)
	}
	same(t, "before the causes and after them", clean, whole(t, m))
	if code, out := m.ShCode(t, "/root/c/opt/"+prefix+"/4.0.1/bin/engine check"); code != 0 {
		t.Errorf("nothing is in the way any more, and check says\n%s", out)
	}
}

// TestFirstJumpKilled kills the engine of the first jump, which would not succeed, in steps that only this jump has something to do in: it goes on by
// itself, from the beginning or back, and the machine is what it was.
func TestFirstJumpKilled(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "3.4.2", Data: true})
	m.Sh(t, administrator+"; touch /etc/"+prefix+"/manual; dnf install -y "+give(t, m, "4.0.1")+"\n"+machinecheck.Spoil("4.0.1"))
	before := whole(t, m)
	for _, step := range []string{"copy the stores", "packages to new", "move files back", "remove what came early", "prove the sources"} {
		m.Sh(t, prefix+" start; cd /var/lib/"+prefix+` && for i in $(seq 3000); do grep -q '"`+step+`"' $(ls -td 4.0.1-* | head -1)/journal.json && break; sleep 0.02; done
			pid=$(systemctl show -P MainPID `+prefix+`) && [ $pid -gt 1 ] && kill -9 $pid; true`)
		if code, out := m.ShCode(t, prefix+" wait"); code != 4 {
			t.Fatalf("killed in %s: exit %d, want 4\n%s\n%s", step, code, out, machinecheck.Report(t, m))
		}
		same(t, "before, and killed in "+step, before, whole(t, m))
	}
}
