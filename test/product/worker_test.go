package product_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/test/product/internal/agent"
	"onerpm/test/product/internal/sample"
)

// run starts an execution through the REST service.
func (m *manager) run(deployment, workflow string, parameters any) (id string) {
	m.Helper()
	c := admin
	m.must(m.db.QueryRow(m.Context(), "SELECT t.name FROM deployments d JOIN tenants t ON t.id = d._tenant_id WHERE d.id = $1", deployment).Scan(&c.tenant))
	a := m.ask(c, 201, "POST", "/api/v3.1/executions", map[string]any{
		"deployment_id": deployment, "workflow_id": workflow, "parameters": parameters, "allow_custom_parameters": "false", "force": "false",
	})
	return a["id"].(string)
}

func (m *manager) statusOf(execution string) (status string) {
	m.Helper()
	m.must(m.db.QueryRow(m.Context(), "SELECT status FROM executions WHERE id = $1", execution).Scan(&status))
	return status
}

func TestExecutions(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(m *manager) {
		m.startREST()
		m.startWorker()
		good := m.run("deployment-0", "sleep", map[string]any{"seconds": 0.1})
		bad := m.run("deployment-1", "sleep", map[string]any{"fail": true})
		long := m.run("deployment-3", "sleep", map[string]any{"seconds": 3600})
		m.await("the long one starts", func() bool { return m.statusOf(long) == "started" })
		start := map[string]any{"deployment_id": "deployment-3", "workflow_id": "sleep"}
		if a := m.ask(admin, 400, "POST", "/api/v3.1/executions", start); a["error_code"] != "existing_running_execution_error" {
			m.Errorf("a second one: %v", a)
		}
		m.ask(admin, 200, "POST", "/api/v3.1/executions/"+long, map[string]any{"action": "cancel"})
		for id, want := range map[string]string{good: "terminated", bad: "failed", long: "cancelled"} {
			m.await(want, func() bool { return m.statusOf(id) == want })
		}
		m.ask(admin, 400, "POST", "/api/v3.1/executions/"+long, map[string]any{"action": "cancel"})
		m.ask(admin, 404, "POST", "/api/v3.1/executions", map[string]any{"deployment_id": "none", "workflow_id": "sleep"})
		m.ask(admin, 400, "POST", "/api/v3.1/executions", map[string]any{"deployment_id": "deployment-0", "workflow_id": "none"})
		events, _ := m.list(admin, "events?execution_id="+good)
		if len(events) != 3 { // started, one line of log, succeeded
			m.Errorf("%d events: %v", len(events), events)
		}
		if m.release.Availability && m.count("SELECT count(*) FROM events WHERE resource_availability IS NULL") != 0 {
			m.Error("the worker writes events that nobody sees")
		}
	})
}

// An operation of a plugin finds it where its tenant has its plugins.
func TestPluginOfTenant(t *testing.T) {
	t.Parallel()
	m := newManager(t, releases[0]).startREST()
	m.startWorker()
	plugins := m.dir + "/opt/mgmtworker/env/plugins/"
	m.must(os.MkdirAll(plugins+"some-1.0", 0o755))
	m.must(os.WriteFile(plugins+"some-1.0/METADATA", nil, 0o644))
	use := func(want string) {
		m.Helper()
		id := m.run("deployment-0", "sleep", map[string]any{"plugin": "some-1.0"})
		m.await(want, func() bool { return m.statusOf(id) == want })
	}
	use("failed")
	var tenant string
	m.must(m.db.QueryRow(m.Context(), "SELECT t.name FROM deployments d JOIN tenants t ON t.id = d._tenant_id WHERE d.id = 'deployment-0'").Scan(&tenant))
	m.must(os.Mkdir(plugins+tenant, 0o755))
	m.must(os.Rename(plugins+"some-1.0", plugins+tenant+"/some-1.0"))
	use("terminated")
}

// What was under way when the worker was killed is run again.
func TestWorkerResumes(t *testing.T) {
	t.Parallel()
	m := newManager(t, releases[1]).startREST()
	first := m.startWorker()
	id := m.run("deployment-0", "sleep", map[string]any{"seconds": 5})
	m.await("it starts", func() bool { return m.statusOf(id) == "started" })
	m.must(first.Process.Kill())
	_ = first.Wait() // killed
	m.startWorker()
	m.await("it ends", func() bool { return m.statusOf(id) == "terminated" })
}

// What the worker lost with its database is run again when that is back.
func TestWorkerLosesDatabase(t *testing.T) {
	t.Parallel()
	m := newManager(t, releases[1]).startREST()
	m.startWorker()
	m.exec("ALTER TABLE events RENAME TO away")
	id := m.run("deployment-0", "sleep", map[string]any{"seconds": 0.1})
	for _, status := range []string{"started", "pending", "started"} {
		m.await("it is "+status, func() bool { return m.statusOf(id) == status })
	}
	m.exec("ALTER TABLE away RENAME TO events")
	m.await("it ends", func() bool { return m.statusOf(id) == "terminated" })
}

// The database takes an execution for the worker and is killed before it can say so.
func TestWorkerLosesAnswer(t *testing.T) {
	t.Parallel()
	m := newManager(t, releases[1]).startREST()
	m.startWorker()
	id := m.run("deployment-0", "sleep", map[string]any{"seconds": 0.1})
	m.await("it ends", func() bool { return m.statusOf(id) == "terminated" })
	m.exec(`WITH taken AS (UPDATE executions SET status = 'started' WHERE id = $1 RETURNING id)
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity, taken WHERE datname = current_database() AND pid <> pg_backend_pid()`, id)
	m.await("it is run again", func() bool { return m.statusOf(id) == "terminated" })
}

// agents starts the process that hosts the agents the database speaks of, and a file server with
// the packages of a release.
func (m *manager) agents(version string) {
	m.Helper()
	dir := m.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	m.must(err)
	address := l.Addr().String()
	list := map[string]string{}
	rows, err := m.db.Query(m.Context(), "SELECT 'agent-' || id FROM deployments")
	m.must(err)
	for rows.Next() {
		var name string
		m.must(rows.Scan(&name))
		list[name] = m.release.Version
	}
	b, err := json.Marshal(list)
	m.must(err)
	m.must(os.WriteFile(filepath.Join(dir, agent.ListFile), b, 0o644))
	m.exec(`UPDATE node_instances SET runtime_properties = convert_to(replace(convert_from(runtime_properties, 'UTF8'), '127.0.0.1:1', $1), 'UTF8')`, address)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	m.must(l.Close())
	go func() { ended <- agent.Serve(ctx, address, dir) }()
	m.Cleanup(func() { stop(); m.must(<-ended) })
	m.await("the agents answer", func() bool {
		_, err := agent.Ask(m.Context(), agent.Record{Name: "agent-deployment-0", Address: address})
		return err == nil
	})

	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/resources/packages/agents/centos-core-agent.tar.gz" {
			http.NotFound(w, r)
			return
		}
		_, err := w.Write(agentPackage(m, version))
		m.must(err)
	}))
	m.Cleanup(files.Close)
	conf, err := os.ReadFile(m.dir + "/opt/manager/cloudify-rest.conf")
	m.must(err)
	m.must(os.WriteFile(m.dir+"/opt/manager/cloudify-rest.conf", bytes.Replace(conf, []byte("http://127.0.0.1:53229"), []byte(files.URL), 1), 0o644))
}

func agentPackage(m *manager, version string) []byte {
	dir := m.TempDir()
	m.must(os.MkdirAll(dir+"/cloudify", 0o755))
	m.must(os.WriteFile(dir+"/cloudify/VERSION", []byte(version+"\n"), 0o644))
	out, err := exec.CommandContext(m.Context(), "tar", "-cz", "-C", dir, "cloudify/VERSION").Output()
	m.must(err)
	return out
}

func (m *manager) agentVersions() string {
	items, _ := m.list(admin, "node-instances?_all_tenants=true&_sort=id")
	var all []string
	for _, i := range items {
		if a, ok := i["runtime_properties"].(map[string]any)["cloudify_agent"].(map[string]any); ok {
			all = append(all, a["version"].(string))
		}
	}
	return strings.Join(all, " ")
}

func TestInstallNewAgents(t *testing.T) {
	t.Parallel()
	m := newManager(t, releases[2])
	m.agents("5.0.0")
	m.startREST()
	m.startWorker()
	ok := m.run("deployment-0", "install_new_agents", nil)
	m.await("one deployment's", func() bool { return m.statusOf(ok) == "terminated" })
	if got := m.agentVersions(); got != "5.0.0 4.2.0 4.2.0 4.2.0 4.2.0 4.2.0" {
		m.Errorf("versions %s", got)
	}
	// an agent that is down: its deployment fails, before anything was installed
	m.exec(`UPDATE node_instances SET runtime_properties = convert_to(replace(convert_from(runtime_properties, 'UTF8'), 'agent-deployment-1', 'gone'), 'UTF8')`)
	down := m.run("deployment-1", "install_new_agents", nil)
	m.await("the one that is down", func() bool { return m.statusOf(down) == "failed" })
	// a deployment that is not up is not eligible
	m.exec("UPDATE node_instances SET state = 'stopped' WHERE id LIKE 'app_3_%'")
	stopped := m.run("deployment-2", "install_new_agents", nil)
	m.await("the one that is not up", func() bool { return m.statusOf(stopped) == "failed" })
	if got := m.agentVersions(); got != "5.0.0 4.2.0 4.2.0 4.2.0 4.2.0 4.2.0" {
		m.Errorf("versions %s", got)
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	m := newManager(t, releases[2])
	m.agents("5.0.0")
	m.startREST()
	m.startWorker()
	profile, err := json.Marshal(map[string]string{"manager": m.url, "username": "admin", "password": adminPassword, "tenant": "default_tenant"})
	m.must(err)
	m.must(os.WriteFile(m.dir+"/profile.json", profile, 0o600))
	archive, err := sample.Blueprint("cli")
	m.must(err)
	m.must(os.WriteFile(m.dir+"/cli.tar.gz", archive, 0o644))
	for _, c := range []struct {
		args, want string
		fails      bool
	}{
		{args: "version", want: "Cloudify CLI 4.2.0"},
		{args: "blueprints list", want: "blueprint-0-1"},
		{args: "blueprints upload " + m.dir + "/cli.tar.gz -b cli --tenant-name acme", want: "cli"},
		{args: "blueprints list --tenant-name acme --json", want: `"id": "cli"`},
		{args: "deployments list", want: "deployment-3"},
		{args: "executions list -d deployment-0", want: "heal"},
		{args: "executions start sleep -d deployment-0 -p {\"seconds\":0.1}", want: "terminated"},
		{args: "executions start sleep -d deployment-0 -p {\"fail\":true}", want: "failed because its parameters say so", fails: true},
		{args: "executions get install-deployment-0", want: "terminated"},
		{args: "events list -e install-deployment-0", want: "line 25"},
		{args: "tenants create initech", want: "initech"},
		{args: "tenants create initech", want: "already exists", fails: true},
		{args: "tenants list", want: "globex"},
		{args: "agents install deployment-0", want: "terminated"},
		{args: "agents install --all-tenants", want: "deployment-5"},
		{args: "plugins list", want: "no such command", fails: true},
		{args: "blueprints list --tenant-name none", want: "not permitted", fails: true},
	} {
		cmd := exec.CommandContext(m.Context(), filepath.Join(programs, m.release.Version, "cfy"), strings.Fields(c.args)...)
		cmd.Env = append(os.Environ(), "CFY_PROFILE="+m.dir+"/profile.json")
		out, err := cmd.CombinedOutput()
		if (err != nil) != c.fails || !strings.Contains(string(out), c.want) {
			m.Errorf("cfy %s: %v\n%s", c.args, err, out)
		}
	}
	if got := m.agentVersions(); got != "5.0.0 5.0.0 5.0.0 5.0.0 5.0.0 5.0.0" {
		m.Errorf("versions %s", got)
	}
}
