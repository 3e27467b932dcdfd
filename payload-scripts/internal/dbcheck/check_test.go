package dbcheck

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/test/product/testbed"
)

// fsync is on, as there is a finding about it.
func TestMain(m *testing.M) { testbed.Main(m, "fsync=on") }

// attempt opens the database as the engine does.
func attempt(tb *testbed.Bed) *database.DB {
	tb.Helper()
	db, err := database.Open(context.Background(), tb.Spec, testbed.Prefix, "a1", manifest.Limits{LockTimeout: manifest.Duration(300 * time.Millisecond)})
	tb.Must(err)
	tb.Cleanup(db.Close)
	return db
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ids(found []finding.Finding) []string {
	var out []string
	for _, f := range found {
		out = append(out, f.ID)
	}
	slices.Sort(out)
	return out
}

// TestSpecChecks breaks the data in each way that a jump's checks.sql looks for.
func TestSpecChecks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		jump, from, broken, shown string
		want                      []string
	}{
		{"4.0.1-4.1.1", "4.0.1", "INSERT INTO users (username) VALUES ('bob'), ('bob')", "username=bob users=2", []string{"user-names-twice"}},
		{"4.0.1-4.1.1", "4.0.1", "INSERT INTO tenants (name) VALUES ('default_tenant')", "name=default_tenant", []string{"tenant-names-twice"}},
		{"4.0.1-4.1.1", "4.0.1", "INSERT INTO groups (name, ldap_dn) VALUES ('g', 'cn=g'), ('g', 'cn=g')", "ldap_dn=cn=g", []string{"group-ldap-names-twice", "group-names-twice"}},
		{"4.0.1-4.1.1", "4.0.1", "INSERT INTO roles (name) VALUES ('user')", "name=user roles=2", []string{"role-names-twice"}},
		{"4.0.1-4.1.1", "4.0.1", "ALTER TABLE logs ALTER timestamp DROP NOT NULL", "table=logs", []string{"timestamp-not-demanded"}},
		{"4.0.1-4.1.1", "4.0.1", "DROP INDEX ix_logs_timestamp", "index=ix_logs_timestamp", []string{"timestamp-index-missing"}},
		{"4.0.1-4.1.1", "4.0.1", "CREATE INDEX nodes_id_idx ON nodes (type); CREATE INDEX nodes_type_idx ON nodes (type)", "name=nodes_id_idx", []string{"index-name-taken"}},
		{"4.0.1-4.1.1", "4.0.1", "CREATE UNIQUE INDEX users_username_idx ON users (username)", "name=users_username_idx", []string{"unique-index-name-taken"}},
		{"4.1.1-4.2.0", "4.1.1", "INSERT INTO users_tenants VALUES (0, NULL)", "user_id=0 tenant_id=NULL", []string{"users-tenants-empty"}},
		{"4.1.1-4.2.0", "4.1.1", "INSERT INTO users_tenants VALUES (0, 0)", "user_id=0 tenant_id=0 rows=2", []string{"users-tenants-twice"}},
		{"4.1.1-4.2.0", "4.1.1", "INSERT INTO groups_tenants VALUES (NULL, 0)", "group_id=NULL", []string{"groups-tenants-empty"}},
		{"4.1.1-4.2.0", "4.1.1", "INSERT INTO groups (id, name) VALUES (7, 'g'); INSERT INTO groups_tenants VALUES (7, 0), (7, 0)", "group_id=7", []string{"groups-tenants-twice"}},
		{"4.1.1-4.2.0", "4.1.1", "DELETE FROM roles WHERE name = 'user'", "role=user rows=0", []string{"role-missing"}},
		{"4.1.1-4.2.0", "4.1.1", "INSERT INTO blueprints (id, created_at, main_file_name, plan, _tenant_id, _creator_id) VALUES ('b', now(), '', '', 0, 0);" +
			"INSERT INTO deployments (id, created_at, _blueprint_fk, _tenant_id, _creator_id) VALUES ('d', now(), (SELECT min(_storage_id) FROM blueprints), 0, 0);" +
			"INSERT INTO nodes (id, deploy_number_of_instances, max_number_of_instances, min_number_of_instances, number_of_instances, planned_number_of_instances, type, _deployment_fk, _tenant_id, _creator_id)" +
			" VALUES ('n', 1, 1, 1, 1, 1, 't', (SELECT min(_storage_id) FROM deployments), 0, 0);" +
			"INSERT INTO node_instances (id, state, _node_fk, _tenant_id, _creator_id) VALUES ('n_1', 's', (SELECT min(_storage_id) FROM nodes), 0, 0)", "id=n_1 tenant=default_tenant", []string{"node-instances-version"}},
		{"4.1.1-4.2.0", "4.1.1", "CREATE TYPE resource_availability AS ENUM ('mine', 'yours')", "labels=mine, yours", []string{"type-there-already"}},
		{"4.1.1-4.2.0", "4.1.1", "ALTER TABLE logs ADD resource_availability text", "table=logs column=resource_availability", []string{"column-there-already"}},
	} {
		t.Run(c.want[0], func(t *testing.T) {
			t.Parallel()
			tb := testbed.New(t)
			tb.Create(c.from, true)
			_, checks := tb.Jump("../../..", c.jump)
			tb.Exec(c.broken)
			before := tb.DataDump()
			found := Run(context.Background(), attempt(tb), Files{Checks: checks})
			want := make([]string, len(c.want))
			for i, id := range c.want {
				want[i] = "database-" + id
			}
			if !slices.Equal(ids(found), want) {
				t.Fatalf("findings %+v", found)
			}
			for _, f := range found {
				if f.Level != finding.Refuse || f.Do == "" {
					t.Errorf("%+v", f)
				}
			}
			if !strings.Contains(fmt.Sprint(found), c.shown) {
				t.Errorf("%q is not in %+v", c.shown, found)
			}
			tb.Same("data", tb.DataDump(), before)
		})
	}
}

func TestChecksOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id    string
		level finding.Level
		setup func(*testbed.Bed)
	}{
		{"database-table-owner", finding.Refuse, func(tb *testbed.Bed) { tb.AsSuper("CREATE TABLE foreign_table (id int)") }},
		{"database-create-right", finding.Refuse, func(tb *testbed.Bed) {
			tb.AsSuper("ALTER DATABASE " + tb.Name + " OWNER TO super; REVOKE ALL ON DATABASE " + tb.Name + " FROM cloudify; GRANT CONNECT ON DATABASE " + tb.Name + " TO cloudify; GRANT CREATE ON SCHEMA public TO cloudify")
		}},
		{"database-schema-right", finding.Refuse, func(tb *testbed.Bed) {
			tb.AsSuper("ALTER DATABASE " + tb.Name + " OWNER TO super; GRANT ALL ON DATABASE " + tb.Name + " TO cloudify; REVOKE CREATE ON SCHEMA public FROM public")
		}},
		{"database-read-only", finding.Refuse, func(tb *testbed.Bed) {
			tb.AsSuper("ALTER DATABASE " + tb.Name + " SET default_transaction_read_only = on")
		}},
		{"database-prepared-transactions", finding.Refuse, func(tb *testbed.Bed) {
			tb.Exec("BEGIN; INSERT INTO t (b) VALUES ('p'); PREPARE TRANSACTION '" + tb.Name + "'")
			tb.Cleanup(func() { _, _ = tb.Super.Exec("ROLLBACK PREPARED '" + tb.Name + "'") })
		}},
		{"database-invalid-indexes", finding.Refuse, func(tb *testbed.Bed) {
			tb.AsSuper("CREATE INDEX broken ON t (b); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass")
		}},
		{"database-schema", finding.Refuse, func(tb *testbed.Bed) { tb.Spec.Expects.Value = "other" }},
		{"database-schema", finding.Refuse, func(tb *testbed.Bed) { tb.Spec.Expects.Value, tb.Spec.Becomes.Value = "other", "1" }},
		{"database-checks", finding.Refuse, nil},
	} {
		t.Run(c.id, func(t *testing.T) {
			t.Parallel()
			tb := testbed.Small(t)
			tb.Spec.Expects = &manifest.Expects{Query: "SELECT count(*) FROM t", Value: "1"}
			tb.Spec.Becomes = &manifest.Expects{Query: "SELECT count(*) FROM t", Value: "2"}
			checks := ""
			if c.setup == nil {
				checks = filepath.Join(t.TempDir(), "lost.sql")
			} else {
				c.setup(tb)
			}
			found := Run(context.Background(), attempt(tb), Files{Checks: checks})
			if len(found) != 1 || found[0].ID != c.id || found[0].Level != c.level || found[0].Do == "" {
				t.Errorf("findings %+v", found)
			}
		})
	}
}

// TestDrains: what is under way is counted once in the check, as it is before the door is shut.
func TestDrains(t *testing.T) {
	t.Parallel()
	tb := testbed.New(t)
	tb.Create("4.1.1", true)
	found := Run(context.Background(), attempt(tb), Files{Drains: map[string]string{
		"good":    "select count(*) from executions",
		"syntax":  "select count(*) from executions wher status = 'started'",
		"missing": "select count(*) from pieces_of_work",
		"text":    "select 'none'",
	}})
	var got []string
	for _, f := range found {
		got = append(got, fmt.Sprintf("%s %s %s", f.ID, f.Level, f.What))
	}
	for i, want := range []string{"missing cannot be counted", "syntax cannot be counted", "text cannot be counted"} {
		if len(got) != 3 || !strings.Contains(got[i], want) || !strings.HasPrefix(got[i], "database-drain refuse ") {
			t.Errorf("findings %q, want %q at %d of 3", got, want, i)
		}
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	db := attempt(tb)
	tb.AsSuper("ALTER DATABASE " + tb.Name + " CONNECTION LIMIT 0")
	tb.AsSuper("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'cloudify'")
	found := Run(context.Background(), db, Files{})
	if !slices.Equal(ids(found), []string{"database-unreachable"}) {
		t.Errorf("findings %+v", found)
	}
	_, err := database.Open(context.Background(), tb.Spec, "cloudify-upgrade", "a1", manifest.Limits{})
	if err == nil || strings.Contains(err.Error(), testbed.Password) {
		t.Errorf("error %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	tb.Configure(l.Addr().(*net.TCPAddr).Port)
	must(t, l.Close())
	_, err = database.Open(context.Background(), tb.Spec, "cloudify-upgrade", "a1", manifest.Limits{})
	if err == nil || strings.Contains(err.Error(), testbed.Password) {
		t.Errorf("error %v", err)
	}
}

func TestWrongPasswordIsNotTold(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	text, err := os.ReadFile(tb.Conf)
	must(t, err)
	must(t, os.WriteFile(tb.Conf, []byte(strings.Replace(string(text), "Cl0ud", "Wr0ng", 1)), 0o600))
	_, err = database.Open(context.Background(), tb.Spec, "cloudify-upgrade", "a1", manifest.Limits{})
	if database.Code(err) != "28P01" || strings.Contains(err.Error(), "Wr0ng") {
		t.Errorf("error %v", err)
	}
}

// TestPooler stands between, as pgbouncer does: the process number that the
// session is told is its own, not PostgreSQL's.
func TestPooler(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go pool(client)
		}
	}()
	tb.Configure(l.Addr().(*net.TCPAddr).Port)
	found := Run(context.Background(), attempt(tb), Files{})
	if !slices.Equal(ids(found), []string{"database-pooler"}) {
		t.Errorf("findings %+v", found)
	}
}

func pool(client net.Conn) {
	defer client.Close()
	first := make([]byte, 8)
	if _, err := io.ReadFull(client, first); err != nil {
		return
	}
	if binary.BigEndian.Uint32(first[4:]) == 80877103 { // SSLRequest
		_, _ = client.Write([]byte{'N'})
		return
	}
	back, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", testbed.Server.Port))
	if err != nil {
		return
	}
	defer back.Close()
	if _, err := back.Write(first); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(back, client)
		_ = back.Close()
	}()
	r := bufio.NewReader(back)
	for err == nil {
		head := make([]byte, 5)
		if _, err = io.ReadFull(r, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err = io.ReadFull(r, body); err != nil {
			return
		}
		if head[0] == 'K' { // BackendKeyData
			binary.BigEndian.PutUint32(body, 4242)
		}
		_, err = client.Write(append(head, body...))
	}
}

func TestRowsAreBounded(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	tb.Exec("INSERT INTO t (b) SELECT repeat('x', 500) FROM generate_series(1, 100)")
	checks := filepath.Join(t.TempDir(), "checks.sql")
	must(t, os.WriteFile(checks, []byte("-- name: many\n-- level: warn\n-- why: there are\n-- why: many rows\n-- do: nothing\nSELECT id,\n  b FROM t -- all\nORDER BY id DESC;\n\n"+
		"-- name: broken\n-- why: it cannot be asked\n-- do: nothing\nSELECT no_such FROM t;\n\n-- name: writes\n-- why: it writes\n-- do: nothing\nSELECT nextval('t_id_seq');\n"), 0o600))
	before := tb.DataDump()
	found := Run(context.Background(), attempt(tb), Files{Checks: checks})
	if !slices.Equal(ids(found), []string{"database-broken", "database-many", "database-writes"}) {
		t.Fatalf("findings %+v", found)
	}
	many := found[0]
	if many.Level != finding.Warn || strings.Count(many.What, "id=") != database.RowsShown || !strings.HasSuffix(many.What, "and more") ||
		!strings.Contains(many.What, "there are many rows") || strings.Contains(many.What, strings.Repeat("x", 61)) {
		t.Errorf("%+v", many)
	}
	tb.Same("data", tb.DataDump(), before)
}

func TestChecksFileMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"SELECT 1;":                                 "line 1: a query without name, why and do",
		"-- name: a\n-- why: b\nSELECT 1;":          "line 3: a query without",
		"-- name: A b\n":                            "line 1: the name",
		"-- name: a\n-- level: stop\n":              "line 2: the level",
		"-- name: a\n-- name: b\n":                  "line 2: name is there twice",
		"-- name:\n":                                "line 1: name is empty",
		"-- name: a\n-- why: b\n-- do: c\nSELECT 1": "the last query is not complete",
		"-- name: a\n-- why: b\n-- do: c\nSELECT 1\n-- name: d\n":  "line 5: the query a is not ended",
		strings.Repeat("-- name: a\n-- why: b\n-- do: c\nX;\n", 2): "line 8: the name a is there twice",
	} {
		if _, err := parseChecks(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

func FuzzParseChecks(f *testing.F) {
	f.Add("-- name: a\n-- why: b\n-- do: c\nSELECT 1;\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseChecks(text)
		if err != nil {
			return
		}
		for _, q := range list {
			if q.ID == "" || q.why == "" || q.do == "" || q.sql == "" && !strings.Contains(text, ";") {
				t.Errorf("%+v", q)
			}
		}
	})
}

func TestLongTransactions(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	db := attempt(tb)
	for i := range ownChecks {
		if ownChecks[i].ID != "database-long-transactions" {
			continue
		}
		q := ownChecks[i]
		q.sql = strings.NewReplacer("1 minute", "1 millisecond", "{application}", "'x'").Replace(q.sql)
		tx, err := tb.SQL.Begin()
		must(t, err)
		defer tx.Rollback()
		_, err = tx.Exec("SELECT 1")
		must(t, err)
		time.Sleep(5 * time.Millisecond)
		found := (&check{db: db, version: 90600}).runQuery(context.Background(), q)
		if len(found) != 1 || found[0].Level != finding.Warn || !strings.Contains(found[0].What, "idle in transaction") {
			t.Errorf("findings %+v", found)
		}
	}
}
