package product_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"onerpm/test/product/documents"
	"onerpm/test/product/elasticsearch"
	"onerpm/test/product/internal/product"
	"onerpm/test/product/internal/rendered"
	"onerpm/test/product/internal/sample"
	"onerpm/test/product/internal/settings"
)

// The tests of release 3.4.2 share a node, which each of them empties: they do not run side by side.

// newOldManager makes a host of release 3.4.2 with nothing in it; nothing runs yet.
func newOldManager(t *testing.T) *manager {
	t.Helper()
	m := &manager{T: t, dir: t.TempDir()}
	m.release, _ = product.Find("3.4.2")
	m.elastic("DELETE", "/_all", "")
	index, err := os.ReadFile("internal/elastic/storage.json")
	m.must(err)
	m.elastic("PUT", "/cloudify_storage", string(index))
	m.elastic("GET", "/_cluster/health/cloudify_storage?wait_for_status=yellow", "") // a shard that was not yet there when a node ends is lost
	host, port, _ := strings.Cut(node.Address, ":")
	files, err := rendered.Files(m.release.Version, map[string]string{
		"manager_host": "127.0.0.1", "elasticsearch_host": host, "elasticsearch_port": port, "rabbitmq_username": "rabbit", "rabbitmq_password": "carrot",
		"secret_key": "secret", "admin_password": adminPassword,
	})
	m.must(err)
	for path, body := range files {
		text := strings.NewReplacer("'/opt/manager", "'"+m.dir+"/opt/manager", "=/opt/", "="+m.dir+"/opt/").Replace(string(body))
		m.must(os.MkdirAll(filepath.Dir(m.dir+path), 0o755))
		m.must(os.WriteFile(m.dir+path, []byte(text), 0o644))
	}
	return m
}

func (m *manager) elastic(method, path, body string) []byte {
	m.Helper()
	got, err := elasticsearch.Call(m.Context(), node.Address, method, path, []byte(body))
	m.must(err)
	return got
}

// document returns a document's source and version.
func (m *manager) document(kind, id string) (source answer, version int) {
	m.Helper()
	var d struct {
		Version int    `json:"_version"`
		Source  answer `json:"_source"`
	}
	m.must(json.Unmarshal(m.elastic("GET", "/cloudify_storage/"+kind+"/"+strings.ReplaceAll(id, " ", "%20"), ""), &d))
	return d.Source, d.Version
}

// documents returns everything of the daily indices that a search sees.
func (m *manager) daily() (all []answer) {
	m.Helper()
	m.must(elasticsearch.Each(m.Context(), node.Address, func(d elasticsearch.Document) error {
		if !strings.HasPrefix(d.Index, "logstash-") {
			return nil
		}
		var source answer
		m.must(json.Unmarshal(d.Source, &source))
		source["index"], source["id"] = d.Index, d.ID
		all = append(all, source)
		return nil
	}))
	return all
}

// startLogstash starts it on a free port, which the worker is told of.
func (m *manager) startLogstash() *exec.Cmd {
	m.Helper()
	address := "127.0.0.1:0"
	conf := m.dir + "/etc/sysconfig/cloudify-mgmtworker"
	text, err := os.ReadFile(conf)
	m.must(err)
	if known := regexp.MustCompile(`LOGSTASH_INPUT=(\S+)`).FindSubmatch(text); known != nil {
		address = string(known[1])
	}
	own := m.dir + "/etc/sysconfig/cloudify-logstash"
	settings, err := os.ReadFile(own)
	m.must(err)
	m.must(os.WriteFile(own, regexp.MustCompile(`(?m)^LOGSTASH_INPUT=.*`).ReplaceAll(settings, []byte("LOGSTASH_INPUT="+address)), 0o644))
	line, cmd := m.start("cloudify-logstash", `listening on (\S+)`, "logstash")
	if address == "127.0.0.1:0" {
		m.must(os.WriteFile(conf, append(text, "\nLOGSTASH_INPUT="+line[1]+"\n"...), 0o644))
	}
	return cmd
}

// old asks through API v2.1.
func (m *manager) old(want int, method, path string, body any) answer {
	m.Helper()
	return m.ask(caller{}, want, method, "/api/v2.1/"+path, body)
}

func (m *manager) oldItems(path string) []answer {
	m.Helper()
	var items []answer
	b, err := json.Marshal(m.old(200, "GET", path, nil)["items"])
	m.must(err)
	m.must(json.Unmarshal(b, &items))
	return items
}

func (m *manager) oldStatus(execution string) any {
	m.Helper()
	source, _ := m.document("execution", execution)
	return source["status"]
}

// deploy uploads a blueprint and makes a deployment of it, both with the id.
func (m *manager) deploy(id string) {
	m.Helper()
	archive, err := sample.Blueprint("b")
	m.must(err)
	path := strings.ReplaceAll(id, " ", "%20")
	m.old(201, "PUT", "blueprints/"+path, archive)
	m.old(201, "PUT", "deployments/"+path, map[string]any{"blueprint_id": id, "inputs": map[string]any{"size": 3}})
}

func TestOldVersions(t *testing.T) {
	m := newOldManager(t).startREST()
	for _, v := range []string{"v1", "v2", "v2.1"} {
		if a := m.ask(caller{}, 200, "GET", "/api/"+v+"/version", nil); a["version"] != "3.4.2" {
			m.Errorf("%s: %v", v, a)
		}
	}
	for _, path := range []string{"/api/version", "/api/v3/version", "/api/v3.1/blueprints", "/api/v2.1/tenants", "/api/v2.1/users", "/api/v2.1/secrets", "/api/v2.1/tokens"} {
		m.ask(caller{}, 404, "GET", path, nil)
	}
	if a := m.old(200, "GET", "blueprints", nil); len(a["items"].([]any)) != 0 {
		m.Errorf("%v", a)
	}
}

// Whatever years of use leave, every document is in the list of its kind with every field as it is.
func TestOldLittleMemory(t *testing.T) {
	m := newOldManager(t)
	m.setInRest("min_available_memory_mb: 1000000000")
	m.startREST()
	if a := m.old(400, "GET", "blueprints", nil); a["error_code"] != "insufficient_memory_error" {
		m.Errorf("%v", a)
	}
	m.old(200, "GET", "version", nil)
}

func TestOldListsShowEveryDocument(t *testing.T) {
	m := newOldManager(t)
	m.elastic("DELETE", "/_all", "")
	m.must(documents.New(documents.Options{Address: node.Address, Seed: 7, Deployments: 2, Large: 100_000}).Fill(m.Context()))
	m.startREST()
	kinds := map[string]string{
		"blueprint": "blueprints", "deployment": "deployments", "execution": "executions?_include_system_workflows=true", "node": "nodes",
		"node_instance": "node-instances", "plugin": "plugins", "snapshot": "snapshots", "deployment_update": "deployment-updates",
		"deployment_modification": "deployment-modifications", "cloudify_event": "events?type=cloudify_event", "cloudify_log": "events?type=cloudify_log",
	}
	want := map[string][]string{}
	m.must(elasticsearch.Each(m.Context(), node.Address, func(d elasticsearch.Document) error {
		source := m.exact(d.Source)
		if d.Type == "node_instance" {
			source["version"] = d.Version
		}
		want[d.Type] = append(want[d.Type], asText(source))
		return nil
	}))
	for kind, path := range kinds {
		sep := map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]
		var got []string
		resp, err := http.Get(m.url + "/api/v2.1/" + path + sep + "_size=10000")
		m.must(err)
		body, err := io.ReadAll(resp.Body)
		m.must(errors.Join(err, resp.Body.Close()))
		for _, item := range m.exact(body)["items"].([]any) {
			got = append(got, asText(item.(map[string]any)))
		}
		slices.Sort(got)
		slices.Sort(want[kind])
		if len(got) < 2 || !slices.Equal(got, want[kind]) {
			m.Errorf("%s: %d items, and there are %d documents", path, len(got), len(want[kind]))
			for i := range min(len(got), len(want[kind])) {
				if got[i] != want[kind][i] {
					m.Fatalf("%.1000s\nis not\n%.1000s", got[i], want[kind][i])
				}
			}
		}
	}
}

// exact decodes an object and keeps numbers as they are written.
func (m *manager) exact(body []byte) (a answer) {
	m.Helper()
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	m.must(dec.Decode(&a))
	return a
}

// asText is a document's or an answer's text, without nulls and without workflows, which answers have as a list.
func asText(a answer) string {
	maps.DeleteFunc(a, func(name string, v any) bool { return v == nil || name == "workflows" })
	b, err := json.Marshal(a)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// With security on, roles count.
func TestOldSecurity(t *testing.T) {
	m := newOldManager(t)
	m.secure(adminPassword)
	conf := m.dir + settings.SecurityPath
	text, err := os.ReadFile(conf)
	m.must(err)
	m.must(os.WriteFile(conf, []byte(strings.Replace(string(text),
		`"users": [`, `"users": [ { "username": "dora", "password": "d", "groups": [ "cfy_deployers" ] }, { "username": "vera", "password": "v", "groups": [ "cfy_viewers" ] },`, 1)), 0o644))
	m.startREST()
	archive, err := sample.Blueprint("b")
	m.must(err)
	dora, vera := caller{user: "dora", password: "d"}, caller{user: "vera", password: "v"}
	for _, c := range []struct {
		who    caller
		want   int
		method string
	}{
		{caller{}, 401, "GET"}, {caller{user: "admin", password: "wrong"}, 401, "GET"}, {vera, 401, "PUT"}, {dora, 201, "PUT"}, {vera, 200, "GET"}, {dora, 200, "GET"},
		{dora, 401, "DELETE"}, {caller{user: "admin", password: adminPassword}, 200, "DELETE"},
	} {
		m.ask(c.who, c.want, c.method, "/api/v2.1/blueprints/b", archive)
	}
	req, err := http.NewRequestWithContext(m.Context(), http.MethodGet, m.url+"/api/v2.1/blueprints", nil)
	m.must(err)
	req.Header.Set("X-Server-Port", "8101") // as nginx says on its internal port, where nobody is asked who they are
	resp, err := http.DefaultClient.Do(req)
	m.must(err)
	m.must(resp.Body.Close())
	if resp.StatusCode != http.StatusOK {
		m.Errorf("on the internal port: %s", resp.Status)
	}
}

// Everything that users make, as documents, answers and files.
func TestOldResources(t *testing.T) {
	m := newOldManager(t)
	m.startREST()
	m.startLogstash()
	m.startWorker()
	m.deploy("one")
	archive, err := sample.Blueprint("b")
	m.must(err)
	m.old(409, "PUT", "blueprints/one", archive)
	m.old(400, "PUT", "blueprints/other", []byte("no archive"))
	m.old(400, "PUT", "blueprints/..%2fx", archive)
	m.old(400, "DELETE", "blueprints/one", nil)
	m.old(404, "PUT", "deployments/other", map[string]any{"blueprint_id": "none"})
	for _, file := range []string{"blueprints/one/one.tar.gz", "uploaded-blueprints/one/one.tar.gz", "deployments/one/README"} {
		if _, err := os.Stat(m.dir + "/opt/manager/resources/" + file); err != nil {
			m.Error(err)
		}
	}
	// system workflows make files
	wagon, err := sample.Plugin("cloudify-demo-plugin", "1.2")
	m.must(err)
	plugin := m.old(201, "POST", "plugins", wagon)
	m.old(400, "POST", "plugins", archive)
	m.old(201, "PUT", "snapshots/first", map[string]any{})
	m.await("the workflows end", func() bool { return len(m.inStatus("terminated")) == 3 })
	if n := len(m.oldItems("executions")); n != 1 { // without the system's
		m.Errorf("%d executions of deployments", n)
	}
	for _, file := range []string{"/opt/manager/resources/snapshots/first/first.zip", "/opt/manager/resources/plugins/" + plugin["id"].(string) + "/" + plugin["archive_name"].(string),
		"/opt/mgmtworker/env/plugins/cloudify-demo-plugin-1.2/METADATA", "/opt/mgmtworker/work/deployments/one/README"} {
		if _, err := os.Stat(m.dir + file); err != nil {
			m.Error(err)
		}
	}
	if s := m.old(200, "GET", "snapshots/first", nil); s["status"] != "created" {
		m.Errorf("%v", s)
	}
	d := m.old(200, "GET", "deployments/one", nil)
	if w := d["workflows"].([]any); len(w) != 7 || w[0].(map[string]any)["name"] != "execute_operation" || d["blueprint_id"] != "one" {
		m.Errorf("%v", d)
	}
	if stored, _ := m.document("deployment", "one"); stored["workflows"].(map[string]any)["install"] == nil {
		m.Errorf("%v", stored)
	}
	if n := m.oldItems("nodes?deployment_id=one"); len(n) != 2 {
		m.Errorf("%v", n)
	}
	if n, _ := m.document("node", "one_host"); n["id"] != "host" || n["type_hierarchy"].([]any)[1] != "cloudify.nodes.Compute" {
		m.Errorf("%v", n)
	}
}

func (m *manager) inStatus(status string) (ids []string) {
	m.Helper()
	for _, e := range m.oldItems("executions?_include_system_workflows=true&_size=1000") {
		if e["status"] == status {
			ids = append(ids, e["id"].(string))
		}
	}
	return ids
}

// An instance is written anew as a whole, over the version that was read.
func TestOldInstances(t *testing.T) {
	m := newOldManager(t).startREST()
	m.deploy("one")
	all := m.oldItems("node-instances?deployment_id=one&_sort=id")
	if len(all) != 2 || all[1]["node_id"] != "host" || all[1]["host_id"] != all[1]["id"] || all[1]["version"] != 1.0 {
		m.Fatalf("%v", all)
	}
	id := all[1]["id"].(string)
	exact := `{"version": 1, "state": "started", "runtime_properties": {"n": 123456789012345678901234567890, "f": 1.0, "u": "\ud800"}}`
	m.old(200, "PATCH", "node-instances/"+id, []byte(exact))
	m.old(409, "PATCH", "node-instances/"+id, []byte(exact))
	m.old(400, "PATCH", "node-instances/"+id, []byte(`{}`))
	m.old(404, "PATCH", "node-instances/none", []byte(exact))
	raw := string(m.elastic("GET", "/cloudify_storage/node_instance/"+id, ""))
	if !strings.Contains(raw, `"n":123456789012345678901234567890,"f":1.0,"u":"\ud800"`) || !strings.Contains(raw, `"_version":2`) {
		m.Error(raw)
	}
	if got := m.old(200, "GET", "node-instances/"+id, nil); got["version"] != 2.0 || got["state"] != "started" {
		m.Errorf("%v", got)
	}
}

// The steps of an update have one id, and a modification plans before it changes.
func TestOldChanges(t *testing.T) {
	m := newOldManager(t)
	m.startREST()
	m.startLogstash()
	m.startWorker()
	m.deploy("one")
	m.await("the environment is made", func() bool { return len(m.inStatus("terminated")) == 1 })
	u := m.old(201, "POST", "deployment-updates/one/update/initiate", map[string]any{"steps": []any{
		map[string]any{"action": "add", "entity_type": "node", "entity_id": "nodes:db"}, map[string]any{"action": "modify", "entity_type": "property", "entity_id": "nodes:app:properties:port"}}})
	if u["state"] != "executing_workflow" {
		m.Errorf("%v", u)
	}
	u = m.old(200, "POST", "deployment-updates/"+u["id"].(string)+"/update/finalize", map[string]any{})
	steps := u["steps"].([]any)
	if len(steps) != 2 || steps[0].(map[string]any)["id"] != steps[1].(map[string]any)["id"] || u["state"] != "successful" || u["modified_entity_ids"].(map[string]any)["node"] == nil {
		m.Errorf("%v", u)
	}
	change := m.old(201, "POST", "deployment-modifications", map[string]any{"deployment_id": "one", "context": map[string]any{"why": "load"},
		"nodes": map[string]any{"app": map[string]any{"instances": 3}}})
	if n, _ := m.document("node", "one_app"); n["number_of_instances"] != 1.0 || n["planned_number_of_instances"] != 3.0 {
		m.Errorf("%v", n)
	}
	m.old(200, "POST", "deployment-modifications/"+change["id"].(string)+"/finish", nil)
	m.old(400, "POST", "deployment-modifications/"+change["id"].(string)+"/rollback", nil)
	if n, version := m.document("node", "one_app"); n["number_of_instances"] != 3.0 || version != 3 {
		m.Errorf("version %d, %v", version, n)
	}
	m.old(404, "GET", "provider/context", nil)
	m.old(201, "POST", "provider/context", map[string]any{"name": "provider", "context": map[string]any{"cloudify": map[string]any{}}})
	m.old(409, "POST", "provider/context", map[string]any{"name": "provider", "context": nil})
	if c := m.old(200, "GET", "provider/context", nil); c["name"] != "provider" {
		m.Errorf("%v", c)
	}
}

// Deleting a deployment whose id has blanks leaves what belongs to it; deleting one word takes along what has it.
func TestOldDeletion(t *testing.T) {
	m := newOldManager(t)
	m.startREST()
	m.startLogstash()
	m.startWorker()
	for _, id := range []string{"x", "x y", "x z"} {
		m.deploy(id)
	}
	m.await("the environments are made", func() bool { return len(m.inStatus("terminated")) == 3 })
	m.old(200, "DELETE", "deployments/x%20y", nil)
	m.elastic("POST", "/_refresh", "")
	if n := len(m.oldItems("nodes")); n != 6 {
		m.Errorf("%d nodes after the first", n)
	}
	m.old(200, "DELETE", "deployments/x", nil)
	m.elastic("POST", "/_refresh", "")
	if n := len(m.oldItems("nodes")); n != 0 {
		m.Errorf("%d nodes after the second", n)
	}
	if d := m.oldItems("deployments"); len(d) != 1 || d[0]["id"] != "x z" {
		m.Errorf("%v", d)
	}
	m.old(404, "DELETE", "deployments/x", nil)
}

// An execution whose deployment is deleted under it ends, and the worker goes on: it has room for four.
func TestOldDeletionOfRunning(t *testing.T) {
	m := newOldManager(t)
	m.startREST()
	m.startLogstash()
	m.startWorker()
	m.deploy("one")
	m.deploy("two")
	m.await("the environments are made", func() bool { return len(m.inStatus("terminated")) == 2 })
	for range 4 {
		m.old(201, "POST", "executions", map[string]any{"deployment_id": "one", "workflow_id": "sleep", "force": true, "parameters": map[string]any{"seconds": 3600}})
	}
	m.await("all of them start", func() bool { return len(m.inStatus("started")) == 4 })
	m.old(200, "DELETE", "deployments/one", nil)
	id := m.old(201, "POST", "executions", map[string]any{"deployment_id": "two", "workflow_id": "sleep", "parameters": map[string]any{"seconds": 0}})["id"].(string)
	m.await("the other deployment's ends", func() bool { return m.oldStatus(id) == "terminated" })
}

// The worker's events and logs arrive as logstash writes them, a second later.
func TestOldExecutions(t *testing.T) {
	t.Setenv("TZ", "America/New_York") // at 5 or 4 hours from UTC
	m := newOldManager(t)
	m.startREST()
	m.startLogstash()
	m.startWorker()
	m.deploy("one")
	m.await("the environment is made", func() bool { return len(m.inStatus("terminated")) == 1 })
	start := func(workflow string, parameters map[string]any) string {
		return m.old(201, "POST", "executions", map[string]any{"deployment_id": "one", "workflow_id": workflow, "parameters": parameters})["id"].(string)
	}
	bad := start("sleep", map[string]any{"fail": true, "seconds": 0.1})
	m.await("it fails", func() bool { return m.oldStatus(bad) == "failed" })
	long := start("sleep", map[string]any{"seconds": 3600})
	m.await("the long one starts", func() bool { return m.oldStatus(long) == "started" })
	if a := m.old(400, "POST", "executions", map[string]any{"deployment_id": "one", "workflow_id": "sleep"}); a["error_code"] != "existing_running_execution_error" {
		m.Errorf("a second one: %v", a)
	}
	m.old(200, "POST", "executions/"+long, map[string]any{"action": "cancel"})
	m.await("it is cancelled", func() bool { return m.oldStatus(long) == "cancelled" })
	m.old(400, "POST", "executions/"+long, map[string]any{"action": "cancel"})
	m.old(400, "POST", "executions", map[string]any{"deployment_id": "one", "workflow_id": "none"})
	m.await("its events arrive", func() bool { return len(m.oldItems("events?execution_id="+bad)) == 3 })
	events := m.oldItems("events?execution_id=" + bad + "&type=cloudify_event&_sort=-@timestamp")
	if len(events) != 2 {
		m.Fatalf("%v", events)
	}
	e := events[0]
	context := e["context"].(map[string]any)
	if e["event_type"] != "workflow_failed" || context["deployment_id"] != "one" || context["workflow_id"] != "sleep" || e["@version"] != "1" || e["message_code"] != nil ||
		!reflect.DeepEqual(e["tags"], []any{"event", "_dateparsefailure"}) ||
		!strings.Contains(context["task_error_causes"].([]any)[0].(map[string]any)["message"].(string), "failed because its parameters say so") {
		m.Errorf("%v", e)
	}
	arrived, sent := e["@timestamp"].(string), e["timestamp"].(string)
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+0000$`).MatchString(sent) || sent[11:13] == arrived[11:13] || sent[14:16] != arrived[14:16] && sent[14:16] == "00" {
		m.Errorf("arrived at %s, sent at %s", arrived, sent)
	}
}

// What logstash has in memory is written when it is asked to end, and what nobody took is kept by its sender.
func TestLogstashEnds(t *testing.T) {
	m := newOldManager(t)
	m.startREST()
	first := m.startLogstash()
	m.startWorker()
	m.deploy("one")
	m.await("the environment is made", func() bool { return len(m.inStatus("terminated")) == 1 })
	m.must(first.Process.Signal(syscall.SIGTERM))
	m.must(first.Wait())
	if n := len(m.daily()); n != 2 { // started, succeeded
		m.Errorf("%d events", n)
	}
	id := m.old(201, "POST", "executions", map[string]any{"deployment_id": "one", "workflow_id": "sleep", "parameters": map[string]any{"seconds": 0}})["id"].(string)
	m.await("it starts", func() bool { return m.oldStatus(id) == "started" })
	m.startLogstash()
	m.await("it ends", func() bool { return m.oldStatus(id) == "terminated" })
	m.await("its events arrive", func() bool { return len(m.daily()) == 5 })
}

// Elasticsearch may come back later than the services, and be away for a while.
func TestOldServicesWait(t *testing.T) {
	m := newOldManager(t)
	m.must(node.Term())
	back := make(chan error)
	go func() { back <- node.Restart(context.Background()) }()
	m.startREST()
	m.must(<-back)
	m.old(200, "GET", "blueprints", nil)
}

// A worker that was killed runs again what was under way.
func TestOldWorkerResumes(t *testing.T) {
	m := newOldManager(t)
	m.startREST()
	m.startLogstash()
	first := m.startWorker()
	m.deploy("one")
	m.await("the environment is made", func() bool { return len(m.inStatus("terminated")) == 1 })
	id := m.old(201, "POST", "executions", map[string]any{"deployment_id": "one", "workflow_id": "sleep", "parameters": map[string]any{"seconds": 3}})["id"].(string)
	m.await("it starts", func() bool { return m.oldStatus(id) == "started" })
	m.must(first.Process.Kill())
	_ = first.Wait() // killed
	m.startWorker()
	m.await("it ends", func() bool { return m.oldStatus(id) == "terminated" })
}

// An old unit starts old code only, and not over a file of another release.
func TestOldRefusals(t *testing.T) {
	m := newOldManager(t)
	if said := m.refuses("manager_rest.wsgi:app"); !strings.Contains(said, "No module named") {
		m.Error(said)
	}
	m.must(os.WriteFile(m.dir+settings.RestPath, []byte("{postgresql_host: a, postgresql_db_name: b, postgresql_username: c, file_server_root: /, amqp_address: x}"), 0o644))
	if said := m.refuses(m.release.App); !strings.Contains(said, "db_address and db_port must be set") {
		m.Error(said)
	}
}
