package database

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"onerpm/internal/manifest"
)

// resources are the tables of 4.1.1 that belong to tenants, each with an INSERT as
// the old code writes it: $1 is the id, $2 private_resource.
const owner = "_tenant_id, _creator_id, private_resource"

var resources = []struct{ table, columns, values string }{
	{"blueprints", "id, created_at, main_file_name, plan", "$1, now(), 'b.yaml', '{}'"},
	{"deployments", "id, created_at, _blueprint_fk", "$1, now(), (SELECT min(_storage_id) FROM blueprints)"},
	{"executions", "id, created_at, is_system_workflow, status, workflow_id, _deployment_fk", "$1, now(), false, 'terminated', 'install', (SELECT min(_storage_id) FROM deployments)"},
	{"nodes", "id, deploy_number_of_instances, max_number_of_instances, min_number_of_instances, number_of_instances, planned_number_of_instances, type, _deployment_fk",
		"$1, 1, 1, 1, 1, 1, 'cloudify.nodes.Root', (SELECT min(_storage_id) FROM deployments)"},
	{"node_instances", "id, state, version, _node_fk", "$1, 'started', 3, (SELECT min(_storage_id) FROM nodes)"},
	{"deployment_updates", "id, created_at, _deployment_fk", "$1, now(), (SELECT min(_storage_id) FROM deployments)"},
	{"deployment_update_steps", "id, entity_id, action, _deployment_update_fk", "$1, 'e', 'add', (SELECT min(_storage_id) FROM deployment_updates)"},
	{"deployment_modifications", "id, created_at, _deployment_fk", "$1, now(), (SELECT min(_storage_id) FROM deployments)"},
	{"plugins", "id, archive_name, package_name, uploaded_at, wheels", "$1, 'a', 'p', now(), '[]'"},
	{"secrets", "id, value, created_at", "$1, 's3cr3t', now()"},
	{"snapshots", "id, created_at, status", "$1, now(), 'created'"},
	{"events", "id, timestamp, reported_timestamp, message, _execution_fk", "$1, now(), now(), 'm', (SELECT min(_storage_id) FROM executions)"},
	{"logs", "id, timestamp, reported_timestamp, message, _execution_fk", "$1, now(), now(), 'm', (SELECT min(_storage_id) FROM executions)"},
}

// write inserts three rows into every table, one of each kind of private_resource.
func (tb *testbed) write(prefix string) {
	tb.Helper()
	for _, r := range resources {
		for i, private := range []any{true, false, nil} {
			tb.exec(fmt.Sprintf("INSERT INTO %s (%s, %s) VALUES (%s, 0, 0, $2)", r.table, r.columns, owner, r.values), fmt.Sprintf("%s-%d", prefix, i), private)
		}
	}
	tb.exec("INSERT INTO users (id, username) VALUES ((SELECT max(id) + 1 FROM users), $1)", prefix)
	tb.exec("INSERT INTO groups (name) VALUES ($1)", prefix)
	tb.exec("INSERT INTO users_tenants (user_id, tenant_id) SELECT id, 0 FROM users WHERE username = $1", prefix)
	tb.exec("INSERT INTO groups_tenants (group_id, tenant_id) SELECT id, 0 FROM groups WHERE name = $1", prefix)
	tb.exec("INSERT INTO users_roles (user_id, role_id) SELECT id, 2 FROM users WHERE username = $1", prefix)
}

// reference is the schema that the product's own migrations leave.
func reference(t *testing.T, release string, upgraded bool) string {
	t.Helper()
	tb := newTestbed(t)
	tb.create(release, upgraded)
	return tb.schemaDump()
}

func TestJumps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		jump, from, to string
		upgraded       bool
	}{
		{"4.0.1-4.1.1", "4.0.1", "4.1.1", true},
		{"4.1.1-4.2.0", "4.1.1", "4.2.0", true},
		{"4.1.1-4.2.0", "4.1.1", "4.2.0", false},
	} {
		t.Run(fmt.Sprintf("%s upgraded=%v", c.jump, c.upgraded), func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			tb := newTestbed(t)
			dir, checks := tb.jump(c.jump)
			tb.create(c.from, c.upgraded)
			tb.write("before")
			startSchema, startData := tb.schemaDump(), tb.dataDump()

			db := tb.attempt()
			if found := db.Check(ctx, checks); len(found) > 0 {
				t.Fatalf("findings: %+v", found)
			}
			tb.same("schemas after a check", tb.schemaDump(), startSchema)
			if n, err := db.Version(ctx); err != nil || n != 0 {
				t.Fatalf("version %d, %v", n, err)
			}
			tb.want("SELECT count(*) FROM pg_namespace WHERE nspname = 'cloudify_upgrade'", "0")

			// There and back, twice: once from expand only, once from the end; nothing is written meanwhile.
			for _, whole := range []bool{false, true} {
				must(t, db.Expand(ctx, dir))
				must(t, db.Expand(ctx, dir))
				if found := db.Check(ctx, checks); len(found) > 0 {
					t.Errorf("findings after expand: %+v", found)
				}
				if whole {
					must(t, db.Converge(ctx, manifest.New, dir, 0))
					must(t, db.Converge(ctx, manifest.New, dir, 0))
					tb.same("schemas", tb.schemaDump(), reference(t, c.to, c.upgraded))
				}
				must(t, db.Converge(ctx, manifest.Old, dir, 0))
				must(t, db.Converge(ctx, manifest.Old, dir, 0))
				tb.same("schemas after the way back", tb.schemaDump(), startSchema)
				tb.same("data after the way back", tb.dataDump(), startData)
				tb.want("SELECT count(*) FROM pg_namespace WHERE nspname = 'cloudify_upgrade'", "0")
			}

			// Again with the old code writing meanwhile: no row is lost, on either side.
			must(t, db.Expand(ctx, dir))
			tb.write("during")
			must(t, db.Converge(ctx, manifest.New, dir, 0))
			if c.to == "4.2.0" {
				tb.check420()
			}
			for _, r := range resources {
				tb.want("SELECT count(*) FROM "+r.table, "6")
			}
			must(t, db.Converge(ctx, manifest.Old, dir, 0))
			tb.same("schemas after the way back", tb.schemaDump(), startSchema)
			for _, r := range resources {
				tb.want("SELECT count(*) FROM "+r.table, "6")
			}
			tb.want("SELECT count(*) FROM users_tenants", "3")
			tb.want("SELECT string_agg(name, ' ' ORDER BY id) FROM roles", "admin user")
			tb.want("SELECT string_agg(role_id::text, ' ' ORDER BY user_id) FROM users_roles", "1 2 2")
		})
	}
}

// check420 looks at what 4.2.0 needs of the data.
func (tb *testbed) check420() {
	tb.Helper()
	for _, r := range resources {
		tb.want("SELECT string_agg(coalesce(resource_availability::text, 'NULL'), ' ' ORDER BY id) FROM "+r.table,
			"private tenant private private tenant private")
	}
	tb.want("SELECT string_agg(name, ' ' ORDER BY id) FROM roles", "admin user sys_admin manager operations viewer default")
	tb.want("SELECT string_agg(r.name, ' ' ORDER BY u.user_id) FROM users_roles u JOIN roles r ON r.id = u.role_id", "sys_admin default default")
	tb.want("SELECT string_agg(DISTINCT r.name, ' ') FROM users_tenants u JOIN roles r ON r.id = u.role_id", "user")
	tb.want("SELECT string_agg(DISTINCT r.name, ' ') FROM groups_tenants u JOIN roles r ON r.id = u.role_id", "user")
}

// TestBothJumps goes the whole way on one number line, and back over the second jump alone.
func TestBothJumps(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := newTestbed(t)
	tb.create("4.0.1", true)
	tb.write("before")
	first, _ := tb.jump("4.0.1-4.1.1")
	db := tb.attempt()
	must(t, db.Expand(ctx, first))
	must(t, db.Converge(ctx, manifest.New, first, 0))
	middle := tb.schemaDump()

	second, checks := tb.jump("4.1.1-4.2.0")
	db = tb.attempt()
	start, err := db.Version(ctx)
	must(t, err)
	if start != 41151 {
		t.Fatalf("version %d after the first jump", start)
	}
	if found := db.Check(ctx, checks); len(found) > 0 {
		t.Fatalf("findings: %+v", found)
	}
	must(t, db.Expand(ctx, second))
	must(t, db.Converge(ctx, manifest.New, second, start))
	must(t, db.Converge(ctx, manifest.Old, second, start))
	tb.same("schemas after the way back", tb.schemaDump(), middle)
	must(t, db.Expand(ctx, second))
	must(t, db.Converge(ctx, manifest.New, second, start))
	tb.same("schemas", tb.schemaDump(), reference(t, "4.2.0", true))

	// The first bundle's way back does not reach over the second jump.
	tb.jump("4.0.1-4.1.1")
	if err := tb.attempt().Converge(ctx, manifest.Old, first, 0); err == nil {
		t.Error("the first bundle took the second one's migrations back")
	}
	tb.same("schemas", tb.schemaDump(), reference(t, "4.2.0", true))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestOldCodeWritesMeanwhile: the product writes without a pause while 4.2.0's
// schema grows under it. Every acknowledged row is there, and filled, on both sides.
func TestOldCodeWritesMeanwhile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := newTestbed(t)
	dir, _ := tb.jump("4.1.1-4.2.0")
	tb.create("4.1.1", false)
	tb.write("before")
	stop := make(chan struct{})
	var writers sync.WaitGroup
	var acknowledged atomic.Int64
	for w := range 3 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				_, err := tb.sql.Exec(`INSERT INTO events (id, timestamp, reported_timestamp, _execution_fk, _tenant_id, _creator_id, private_resource)
					SELECT $1, now(), now(), min(_storage_id), 0, 0, false FROM executions`, fmt.Sprintf("w%d-%d", w, i))
				if err == nil {
					_, err = tb.sql.Exec("UPDATE events SET private_resource = true, message = 'changed' WHERE id = $1", fmt.Sprintf("w%d-%d", w, i))
				}
				if err != nil {
					t.Errorf("the old code cannot write: %v", err)
					return
				}
				acknowledged.Add(1)
			}
		})
	}
	db := tb.attempt()
	err := db.Expand(ctx, dir)
	close(stop)
	writers.Wait()
	must(t, err)
	must(t, db.Converge(ctx, manifest.New, dir, 0))
	tb.want("SELECT count(*) FROM events WHERE message = 'changed' AND resource_availability = 'private'", fmt.Sprint(acknowledged.Load()))
	tb.want("SELECT count(*) FROM events WHERE resource_availability IS NULL", "0")
	must(t, db.Converge(ctx, manifest.Old, dir, 0))
	tb.want("SELECT count(*) FROM events WHERE message = 'changed' AND private_resource", fmt.Sprint(acknowledged.Load()))
}
