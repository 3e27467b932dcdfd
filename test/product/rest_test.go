package product_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"onerpm/test/product/internal/account"
	"onerpm/test/product/internal/sample"
	"onerpm/test/product/internal/settings"
)

// An old unit cannot start new code, nor new code an old schema; and the other way round.
func TestServiceRefusesOtherRelease(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(m *manager) {
		other := map[bool]string{true: "manager_rest.server:app", false: "manager_rest.wsgi:app"}[m.release.Version == "4.2.0"]
		if said := m.refuses(other); !strings.Contains(said, "No module named") {
			m.Errorf("told to run %s: %s", other, said)
		}
		m.exec("UPDATE alembic_version SET version_num = 'abc'")
		if said := m.refuses(m.release.App); !strings.Contains(said, "alembic_version is abc") {
			m.Errorf("with another schema: %s", said)
		}
		m.exec("UPDATE alembic_version SET version_num = $1", m.release.Head)
		if m.release.Availability {
			m.exec("ALTER TABLE logs DROP COLUMN resource_availability")
			if said := m.refuses(m.release.App); !strings.Contains(said, "1 tables lack the column") {
				m.Errorf("without the column: %s", said)
			}
		}
	})
}

func TestVersionAndAuthentication(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(m *manager) {
		m.startREST()
		for _, v := range []string{"v1", "v2", "v2.1", "v3", "v3.1"} {
			if a := m.ask(caller{}, 200, "GET", "/api/"+v+"/version", nil); a["version"] != m.release.Version {
				m.Errorf("%s: version %v", v, a["version"])
			}
		}
		if a := m.ask(caller{}, 200, "GET", "/api/version", nil); a["version"] != m.release.Version {
			m.Errorf("without an API version: %v", a["version"])
		}
		m.ask(caller{}, 404, "GET", "/api/v4/version", nil)
		m.ask(caller{}, 401, "GET", "/api/v3.1/blueprints", nil)
		m.ask(caller{user: "admin", password: "wrong", tenant: "default_tenant"}, 401, "GET", "/api/v3.1/blueprints", nil)
		m.ask(caller{user: "admin", password: adminPassword}, 401, "GET", "/api/v3.1/blueprints", nil)
		m.ask(as("eve", "acme"), 401, "GET", "/api/v3.1/blueprints", nil)
		m.ask(as("carol", "acme"), m.release.ForbidsWith, "GET", "/api/v3.1/blueprints", nil)
		m.ask(as("carol", "globex"), m.release.ForbidsWith, "GET", "/api/v3.1/users", nil)
		m.ask(as("carol", "globex"), 200, "GET", "/api/v3.1/blueprints", nil)

		token := m.ask(as("alice", ""), 200, "GET", "/api/v3.1/tokens", nil)["value"].(string)
		m.ask(caller{token: token, tenant: "acme"}, 200, "GET", "/api/v3.1/blueprints", nil)
		m.ask(caller{token: token + "0", tenant: "acme"}, 401, "GET", "/api/v3.1/blueprints", nil)
		m.security.HashSalt = "another"
		m.ask(caller{token: account.Token(m.security, 1, "key"), tenant: "acme"}, 401, "GET", "/api/v3.1/blueprints", nil)
	})
}

// A host with little memory available answers no lists.
func TestLittleMemory(t *testing.T) {
	t.Parallel()
	m := newManager(t, releases[0])
	m.setInRest("min_available_memory_mb: 1000000000")
	m.startREST()
	if a := m.ask(admin, 503, "GET", "/api/v3.1/blueprints", nil); a["error_code"] != "insufficient_memory_error" {
		m.Errorf("%v", a)
	}
	m.ask(admin, 200, "GET", "/api/v3.1/version", nil)
}

// setInRest adds a line to cloudify-rest.conf.
func (m *manager) setInRest(line string) {
	m.Helper()
	conf, err := os.ReadFile(m.dir + settings.RestPath)
	m.must(err)
	m.must(os.WriteFile(m.dir+settings.RestPath, []byte(strings.Replace(string(conf), "{", "{ "+line+",", 1)), 0o644))
}

// Whoever may everything sees every row that is in the database.
func TestListsShowEveryRow(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(m *manager) {
		m.startREST()
		for path, sql := range map[string]string{
			"blueprints": "blueprints", "deployments": "deployments", "nodes": "nodes", "node-instances": "node_instances", "plugins": "plugins",
			"secrets": "secrets", "snapshots": "snapshots", "deployment-updates": "deployment_updates",
			"deployment-modifications": "deployment_modifications", "executions": "executions WHERE NOT is_system_workflow",
			"executions?_include_system_workflows=true": "executions",
			"events": "(SELECT 1 FROM events UNION ALL SELECT 1 FROM logs) x", "events?type=cloudify_log": "logs",
			"tenants": "tenants", "users": "users", "user-groups": "groups",
		} {
			sep := map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]
			items, total := m.list(admin, path+sep+"_all_tenants=true")
			if want := m.count("SELECT count(*) FROM " + sql); total != want || len(items) != want {
				m.Errorf("%s: %d items, total %d, the database has %d", path, len(items), total, want)
			}
		}
	})
}

func TestPages(t *testing.T) {
	t.Parallel()
	m := newManager(t, releases[1]).startREST()
	items, total := m.list(admin, "blueprints?_all_tenants=true&_sort=-id&_size=2&_offset=1&_include=id,created_at")
	if total != 12 || len(items) != 2 || items[0]["id"] != "blueprint-2-2" || len(items[0]) != 2 {
		m.Errorf("total %d, items %v", total, items)
	}
	m.ask(admin, 400, "GET", "/api/v3.1/blueprints?_size=many", nil)
	m.ask(admin, 404, "GET", "/api/v3.1/blueprints/none", nil)
	m.ask(admin, 404, "GET", "/api/v3.1/nothing", nil)
}

// Private rows are their creator's and the admin's; in 4.2.0 a row with neither word is only its creator's.
func TestVisibility(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(m *manager) {
		m.startREST()
		ids := func(c caller) string {
			items, _ := m.list(c, "blueprints?_sort=id&_include=id")
			var all []string
			for _, i := range items {
				all = append(all, strings.TrimPrefix(i["id"].(string), "blueprint-"))
			}
			return strings.Join(all, " ")
		}
		// in acme: 1-0 of alice is private, as is 1-3 of bob; 1-1 of bob has no word, which is as good; 1-2 of alice is shared
		if got := ids(as("alice", "acme")); got != "1-0 1-2" {
			m.Errorf("alice sees %s", got)
		}
		if got := ids(as("bob", "acme")); got != "1-1 1-2 1-3" {
			m.Errorf("bob sees %s", got)
		}
		inAcme := admin
		inAcme.tenant = "acme"
		if got := ids(inAcme); got != "1-0 1-1 1-2 1-3" {
			m.Errorf("admin sees %s", got)
		}
		if !m.release.Availability {
			return
		}
		m.exec("UPDATE blueprints SET resource_availability = NULL WHERE id = 'blueprint-1-2'")
		m.exec("UPDATE blueprints SET resource_availability = 'global' WHERE id = 'blueprint-2-0'")
		if got := ids(as("alice", "acme")); got != "1-0 1-2 2-0" {
			m.Errorf("alice sees %s", got)
		}
		if got := ids(inAcme); got != "1-0 1-1 1-3 2-0" {
			m.Errorf("admin sees %s", got)
		}
	})
}

func TestUpload(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(m *manager) {
		m.startREST()
		body, err := sample.Blueprint("mine")
		m.must(err)
		m.ask(as("alice", "acme"), 201, "PUT", "/api/v3.1/blueprints/mine?private_resource=true", body)
		m.ask(as("alice", "acme"), 409, "PUT", "/api/v3.1/blueprints/mine", body)
		m.ask(as("alice", "acme"), 400, "PUT", "/api/v3.1/blueprints/-x", nil)
		stored, err := os.ReadFile(m.dir + "/opt/manager/resources/blueprints/acme/mine/mine.tar.gz")
		m.must(err)
		if string(stored) != string(body) {
			m.Error("the file is not what was uploaded")
		}
		m.ask(as("bob", "acme"), 404, "GET", "/api/v3.1/blueprints/mine", nil)
		if m.release.Availability && m.count("SELECT count(*) FROM blueprints WHERE id = 'mine' AND resource_availability = 'private'") != 1 {
			m.Error("resource_availability was not written")
		}
	})
}

func TestMaintenance(t *testing.T) {
	t.Parallel()
	m := newManager(t, releases[1]).startREST()
	m.ask(as("alice", "acme"), 401, "POST", "/api/v3.1/maintenance/activate", nil)
	m.ask(admin, 200, "POST", "/api/v3.1/maintenance/activate", nil)
	m.ask(admin, 503, "GET", "/api/v3.1/blueprints", nil)
	m.startREST() // it survives a restart
	m.ask(admin, 503, "GET", "/api/v3.1/blueprints", nil)
	m.ask(admin, 200, "GET", "/api/v3.1/version", nil)
	m.ask(admin, 200, "GET", "/api/v3.1/status", nil)
	m.ask(admin, 200, "POST", "/api/v3.1/maintenance/deactivate", nil)
	m.ask(admin, 200, "GET", "/api/v3.1/blueprints", nil)
}

// 4.2.0 finds or creates the roles of authorization.conf at each start.
func TestRolesAreEnsured(t *testing.T) {
	t.Parallel()
	m := newManager(t, releases[2])
	m.exec("DELETE FROM roles WHERE name IN ('viewer', 'operations')")
	m.startREST()
	m.startREST()
	if n := m.count("SELECT count(*) FROM roles WHERE name IN ('sys_admin', 'manager', 'user', 'operations', 'viewer', 'default')"); n != 6 {
		m.Errorf("%d of the six roles", n)
	}
}

// A PostgreSQL that comes up later than the service is waited for.
func TestServiceWaitsForDatabase(t *testing.T) {
	t.Parallel()
	m := newManager(t, releases[1])
	var name string
	m.must(m.db.QueryRow(m.Context(), "SELECT current_database()").Scan(&name))
	conf, err := os.ReadFile(m.dir + "/opt/manager/cloudify-rest.conf")
	m.must(err)
	m.must(os.WriteFile(m.dir+"/opt/manager/cloudify-rest.conf", []byte(strings.Replace(string(conf), "'"+name+"'", "'later_"+name+"'", 1)), 0o644))
	created := make(chan error)
	go func() {
		time.Sleep(1500 * time.Millisecond)
		_, err := m.db.Exec(m.Context(), "CREATE DATABASE later_"+name)
		created <- err
	}()
	// it ends only once the database is there, because that one is empty
	if said := m.refuses(m.release.App); !strings.Contains(said, "no alembic_version") {
		m.Errorf("it said %s", said)
	}
	m.must(<-created)
}

func TestStatusShape(t *testing.T) {
	t.Parallel()
	m := newManager(t, releases[2]).startREST()
	a := m.ask(admin, http.StatusOK, "GET", "/api/v3.1/status", nil)
	services := a["services"].([]any)
	if a["status"] != "running" || len(services) != 7 {
		m.Fatalf("%v", a)
	}
	i := services[0].(map[string]any)["instances"].([]any)[0].(map[string]any)
	for _, key := range []string{"Id", "Description", "LoadState", "ActiveState", "SubState", "MainPID", "state"} {
		if _, ok := i[key]; !ok {
			m.Errorf("an instance without %s: %v", key, i)
		}
	}
}
