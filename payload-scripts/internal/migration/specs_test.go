package migration_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/dbcheck"
	"onerpm/payload-scripts/internal/migration"
	"onerpm/test/product/testbed"
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
func (tb *specBed) write(prefix string) {
	tb.Helper()
	for _, r := range resources {
		for i, private := range []any{true, false, nil} {
			tb.Exec(fmt.Sprintf("INSERT INTO %s (%s, %s) VALUES (%s, 0, 0, $2)", r.table, r.columns, owner, r.values), fmt.Sprintf("%s-%d", prefix, i), private)
		}
	}
	tb.Exec("INSERT INTO users (id, username) VALUES ((SELECT max(id) + 1 FROM users), $1)", prefix)
	tb.Exec("INSERT INTO groups (name) VALUES ($1)", prefix)
	tb.Exec("INSERT INTO users_tenants (user_id, tenant_id) SELECT id, 0 FROM users WHERE username = $1", prefix)
	tb.Exec("INSERT INTO groups_tenants (group_id, tenant_id) SELECT id, 0 FROM groups WHERE name = $1", prefix)
	tb.Exec("INSERT INTO users_roles (user_id, role_id) SELECT id, 2 FROM users WHERE username = $1", prefix)
}

type specBed struct{ *testbed.Bed }

func newBed(t *testing.T) *specBed { t.Helper(); return &specBed{testbed.New(t)} }

func (tb *specBed) attempt(dir string) *migration.Runner {
	tb.Helper()
	db, err := database.Open(context.Background(), tb.Spec, testbed.Prefix, "a1", manifest.Limits{LockTimeout: manifest.Duration(300 * time.Millisecond)})
	tb.Must(err)
	tb.Cleanup(db.Close)
	return &migration.Runner{DB: db, Dir: dir}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reference is the schema that the product's own migrations leave.
func reference(t *testing.T, release string, upgraded bool) string {
	t.Helper()
	tb := newBed(t)
	tb.Create(release, upgraded)
	return tb.SchemaDump()
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
			tb := newBed(t)
			dir, checks := tb.Jump("../../..", c.jump)
			tb.Create(c.from, c.upgraded)
			tb.write("before")
			startSchema, startData := tb.SchemaDump(), tb.DataDump()

			db := tb.attempt(dir)
			if found := dbcheck.Run(ctx, db.DB, dbcheck.Files{Checks: checks, Migrations: db.Dir}); len(found) > 0 {
				t.Fatalf("findings: %+v", found)
			}
			tb.Same("schemas after a check", tb.SchemaDump(), startSchema)
			if n, err := db.Version(ctx); err != nil || n != 0 {
				t.Fatalf("version %d, %v", n, err)
			}
			tb.Want("SELECT count(*) FROM pg_namespace WHERE nspname = 'cloudify_upgrade'", "0")

			// There and back, twice: once from expand only, once from the end; nothing is written meanwhile.
			for _, whole := range []bool{false, true} {
				must(t, db.Expand(ctx))
				must(t, db.Expand(ctx))
				if found := dbcheck.Run(ctx, db.DB, dbcheck.Files{Checks: checks, Migrations: db.Dir}); len(found) > 0 {
					t.Errorf("findings after expand: %+v", found)
				}
				if whole {
					must(t, db.Converge(ctx, manifest.New, 0))
					must(t, db.Converge(ctx, manifest.New, 0))
					tb.Same("schemas", tb.SchemaDump(), reference(t, c.to, c.upgraded))
				}
				must(t, db.Converge(ctx, manifest.Old, 0))
				must(t, db.Converge(ctx, manifest.Old, 0))
				tb.Same("schemas after the way back", tb.SchemaDump(), startSchema)
				tb.Same("data after the way back", tb.DataDump(), startData)
				tb.Want("SELECT count(*) FROM pg_namespace WHERE nspname = 'cloudify_upgrade'", "0")
			}

			// Again with the old code writing meanwhile: no row is lost, on either side.
			must(t, db.Expand(ctx))
			tb.write("during")
			must(t, db.Converge(ctx, manifest.New, 0))
			if c.to == "4.2.0" {
				tb.check420()
			}
			for _, r := range resources {
				tb.Want("SELECT count(*) FROM "+r.table, "6")
			}
			must(t, db.Converge(ctx, manifest.Old, 0))
			tb.Same("schemas after the way back", tb.SchemaDump(), startSchema)
			for _, r := range resources {
				tb.Want("SELECT count(*) FROM "+r.table, "6")
			}
			tb.Want("SELECT count(*) FROM users_tenants", "3")
			tb.Want("SELECT string_agg(name, ' ' ORDER BY id) FROM roles", "admin user")
			tb.Want("SELECT string_agg(role_id::text, ' ' ORDER BY user_id) FROM users_roles", "1 2 2")
		})
	}
}

// check420 looks at what 4.2.0 needs of the data.
func (tb *specBed) check420() {
	tb.Helper()
	for _, r := range resources {
		tb.Want("SELECT string_agg(coalesce(resource_availability::text, 'NULL'), ' ' ORDER BY id) FROM "+r.table,
			"private tenant private private tenant private")
	}
	tb.Want("SELECT string_agg(name, ' ' ORDER BY id) FROM roles", "admin user sys_admin manager operations viewer default")
	tb.Want("SELECT string_agg(r.name, ' ' ORDER BY u.user_id) FROM users_roles u JOIN roles r ON r.id = u.role_id", "sys_admin default default")
	tb.Want("SELECT string_agg(DISTINCT r.name, ' ') FROM users_tenants u JOIN roles r ON r.id = u.role_id", "user")
	tb.Want("SELECT string_agg(DISTINCT r.name, ' ') FROM groups_tenants u JOIN roles r ON r.id = u.role_id", "user")
}

// TestBothJumps goes the whole way on one number line, and back over the second jump alone.
func TestBothJumps(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := newBed(t)
	tb.Create("4.0.1", true)
	tb.write("before")
	first, _ := tb.Jump("../../..", "4.0.1-4.1.1")
	db := tb.attempt(first)
	must(t, db.Expand(ctx))
	must(t, db.Converge(ctx, manifest.New, 0))
	middle := tb.SchemaDump()

	second, checks := tb.Jump("../../..", "4.1.1-4.2.0")
	db = tb.attempt(second)
	start, err := db.Version(ctx)
	must(t, err)
	if start != 41151 {
		t.Fatalf("version %d after the first jump", start)
	}
	if found := dbcheck.Run(ctx, db.DB, dbcheck.Files{Checks: checks, Migrations: db.Dir}); len(found) > 0 {
		t.Fatalf("findings: %+v", found)
	}
	must(t, db.Expand(ctx))
	must(t, db.Converge(ctx, manifest.New, start))
	must(t, db.Converge(ctx, manifest.Old, start))
	tb.Same("schemas after the way back", tb.SchemaDump(), middle)
	must(t, db.Expand(ctx))
	must(t, db.Converge(ctx, manifest.New, start))
	tb.Same("schemas", tb.SchemaDump(), reference(t, "4.2.0", true))

	// The first bundle's way back does not reach over the second jump.
	tb.Jump("../../..", "4.0.1-4.1.1")
	if err := tb.attempt(first).Converge(ctx, manifest.Old, 0); err == nil {
		t.Error("the first bundle took the second one's migrations back")
	}
	tb.Same("schemas", tb.SchemaDump(), reference(t, "4.2.0", true))
}

// TestOldCodeWritesMeanwhile: the product writes without a pause while 4.2.0's
// schema grows under it. Every acknowledged row is there, and filled, on both sides.
func TestOldCodeWritesMeanwhile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := newBed(t)
	dir, _ := tb.Jump("../../..", "4.1.1-4.2.0")
	tb.Create("4.1.1", false)
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
				_, err := tb.SQL.Exec(`INSERT INTO events (id, timestamp, reported_timestamp, _execution_fk, _tenant_id, _creator_id, private_resource)
					SELECT $1, now(), now(), min(_storage_id), 0, 0, false FROM executions`, fmt.Sprintf("w%d-%d", w, i))
				if err == nil {
					_, err = tb.SQL.Exec("UPDATE events SET private_resource = true, message = 'changed' WHERE id = $1", fmt.Sprintf("w%d-%d", w, i))
				}
				if err != nil {
					t.Errorf("the old code cannot write: %v", err)
					return
				}
				acknowledged.Add(1)
			}
		})
	}
	db := tb.attempt(dir)
	err := db.Expand(ctx)
	close(stop)
	writers.Wait()
	must(t, err)
	must(t, db.Converge(ctx, manifest.New, 0))
	tb.Want("SELECT count(*) FROM events WHERE message = 'changed' AND resource_availability = 'private'", fmt.Sprint(acknowledged.Load()))
	tb.Want("SELECT count(*) FROM events WHERE resource_availability IS NULL", "0")
	must(t, db.Converge(ctx, manifest.Old, 0))
	tb.Want("SELECT count(*) FROM events WHERE message = 'changed' AND private_resource", fmt.Sprint(acknowledged.Load()))
}

// TestWindowReadsNoTable: what the window does to a table that grows with use, both
// ways, is neither a scan nor a rewrite.
func TestWindowReadsNoTable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ jump, from string }{{"4.0.1-4.1.1", "4.0.1"}, {"4.1.1-4.2.0", "4.1.1"}} {
		t.Run(c.jump, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			tb := newBed(t)
			dir, _ := tb.Jump("../../..", c.jump)
			tb.Create(c.from, false)
			tb.write("a")
			for _, table := range []string{"events", "logs"} {
				tb.Exec("INSERT INTO " + table + " (id, timestamp, reported_timestamp, _execution_fk, _tenant_id, _creator_id, private_resource)" +
					" SELECT i::text, now(), now(), (SELECT min(_storage_id) FROM executions), 0, 0, false FROM generate_series(1, 3000) i")
			}
			db := tb.attempt(dir)
			must(t, db.Expand(ctx))
			db.Close()
			before := tb.scans()
			db = tb.attempt(dir)
			must(t, db.Converge(ctx, manifest.New, 0))
			db.Close() // its counters are told when it ends
			tb.Same("scans and files on the way to new", tb.scans(), before)
			db = tb.attempt(dir)
			must(t, db.Converge(ctx, manifest.Old, 0))
			db.Close()
			tb.Same("scans and files on the way to old", tb.scans(), before)
		})
	}
}

// scans tells how often each table that grows with use was read from end to end, and which file it is in.
func (tb *specBed) scans() string {
	tb.Helper()
	if _, err := tb.WaitFor("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'cloudify-upgrade%' AND datname = current_database())"); err != nil {
		tb.Fatal(err)
	}
	var out []string
	before12 := tb.Value("SELECT current_setting('server_version_num')::int < 120000") == "true"
	for _, r := range resources {
		if before12 && r.table == "node_instances" {
			continue // SET NOT NULL reads it in spite of the validated constraint
		}
		if _, err := tb.Super.Exec("SELECT pg_stat_clear_snapshot()"); err != nil {
			tb.Fatal(err)
		}
		out = append(out, tb.Value("SELECT relname || ' scans=' || seq_scan || ' file=' || pg_relation_filenode(relid) FROM pg_stat_user_tables WHERE relname = '"+r.table+"'"))
	}
	return strings.Join(out, "\n")
}
