package dbcheck

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onerpm/payload-scripts/internal/dump"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/test/product/testbed"
	"onerpm/test/script"
)

// jump is a folder of migrations that changes table t.
func jump(tb *testbed.Bed) Files {
	tb.Helper()
	return Files{Migrations: tb.Folder(map[string]string{
		"1_expand_a.sql": "-- +goose Up\nALTER TABLE t ADD a int;\n-- +goose Down\nALTER TABLE t DROP a;\n",
	})}
}

// one wants exactly this finding, with its rows.
func one(tb *testbed.Bed, files Files, id string, level finding.Level, shown string) {
	tb.Helper()
	found := Run(context.Background(), attempt(tb), files)
	if len(found) != 1 || found[0].ID != id || found[0].Level != level || found[0].Do == "" || !strings.Contains(found[0].What, shown) {
		tb.Errorf("findings %+v, want %s with %q", found, id, shown)
	}
}

func none(tb *testbed.Bed, files Files) {
	tb.Helper()
	if found := Run(context.Background(), attempt(tb), files); len(found) > 0 {
		tb.Errorf("findings %+v", found)
	}
}

// dumps reports whether pg_dump, as the product's user, can back the database up.
func dumps(tb *testbed.Bed) bool {
	tb.Helper()
	return dump.Write(context.Background(), attempt(tb), filepath.Join(tb.TempDir(), "x.dump")) == nil
}

// TestWhatTheBackupMayNotRead: each time, pg_dump itself fails on it, and does not once
// the advice was followed.
func TestWhatTheBackupMayNotRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ spoil, shown, mend string }{
		"a schema": {"CREATE SCHEMA theirs; CREATE TABLE theirs.x (id int); GRANT SELECT ON theirs.x TO cloudify",
			"kind=schema object=theirs", "GRANT USAGE ON SCHEMA theirs TO cloudify"},
		"a sequence":             {"CREATE SEQUENCE theirs", "kind=sequence object=theirs", "GRANT SELECT ON SEQUENCE theirs TO cloudify"},
		"a table of its own":     {"REVOKE ALL ON t FROM cloudify", "kind=table object=t", "GRANT SELECT ON t TO cloudify"},
		"a large object":         {"SELECT lo_create(4711)", "kind=large object object=4711", "GRANT SELECT ON LARGE OBJECT 4711 TO cloudify"},
		"rows of another's":      {"CREATE TABLE theirs (id int); GRANT SELECT ON theirs TO cloudify; ALTER TABLE theirs ENABLE ROW LEVEL SECURITY", "kind=row-level security of table object=theirs", "ALTER TABLE theirs DISABLE ROW LEVEL SECURITY"},
		"rows hidden from owner": {"ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", "object=t", "ALTER TABLE t NO FORCE ROW LEVEL SECURITY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tb := testbed.Small(t)
			none(tb, jump(tb))
			for _, statement := range strings.Split(c.spoil, "; ") {
				tb.AsSuper(statement)
			}
			one(tb, jump(tb), "database-backup-rights", finding.Refuse, c.shown)
			if dumps(tb) {
				t.Error("it was dumped all the same")
			}
			tb.AsSuper(c.mend)
			none(tb, jump(tb))
			if !dumps(tb) {
				t.Error("after the advice it is still not dumped")
			}
		})
	}
}

// odd makes a type of that name, and more; lostOdd has its values no text any more.
func odd(tb *testbed.Bed, more ...string) {
	tb.Helper()
	for _, statement := range append([]string{
		"CREATE TYPE odd", "CREATE FUNCTION odd_in(cstring) RETURNS odd LANGUAGE internal STRICT IMMUTABLE AS 'int4in'",
		"CREATE FUNCTION odd_out(odd) RETURNS cstring LANGUAGE internal STRICT IMMUTABLE AS 'int4out'",
		"CREATE TYPE odd (INPUT = odd_in, OUTPUT = odd_out, INTERNALLENGTH = 4, PASSEDBYVALUE, ALIGNMENT = int4)",
	}, more...) {
		tb.AsSuper(statement)
	}
}

const lostOdd = "UPDATE pg_proc SET prosrc = 'no_such' WHERE proname = 'odd_out'"

// TestColumnsThatAreGenerated are in no dump: what cannot be read there is in nobody's way.
func TestColumnsThatAreGenerated(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	generated := " GENERATED ALWAYS AS (odd_of(a)) STORED"
	if tb.Value("SELECT current_setting('server_version_num')::int < 120000") == "true" { // it has no such columns
		generated = ""
	}
	odd(tb, "CREATE FUNCTION odd_of(int) RETURNS odd LANGUAGE internal STRICT IMMUTABLE AS 'int4up'",
		`CREATE TABLE "makes odd" (a int, o odd`+generated+`, "from" int)`, `ALTER TABLE "makes odd" OWNER TO cloudify`, `INSERT INTO "makes odd" (a) VALUES (1)`)
	if generated != "" {
		tb.AsSuper(lostOdd)
	}
	none(tb, jump(tb))
	if !dumps(tb) {
		t.Error("it keeps the database from being dumped")
	}
}

// TestRowsThatTheBackupCannotRead: nothing of a schema tells that a value cannot be written as text.
func TestRowsThatTheBackupCannotRead(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	odd(tb, `CREATE TABLE "has odd" (onerpm_row int, o odd)`, `ALTER TABLE "has odd" OWNER TO cloudify`)
	tb.AsSuper(lostOdd)
	none(tb, jump(tb)) // there is no row that needs it
	tb.AsSuper(`INSERT INTO "has odd" VALUES (1, '4711')`)
	one(tb, jump(tb), "database-backup", finding.Refuse, `table "has odd"`)
	if dumps(tb) {
		t.Error("it was dumped all the same")
	}
	tb.AsSuper("UPDATE pg_proc SET prosrc = 'int4out' WHERE proname = 'odd_out'")
	none(tb, jump(tb))
	if !dumps(tb) {
		t.Error("once that is mended it is still not dumped")
	}
}

// TestTablesOfOthers are in the way when the migrations change them or the backup cannot
// read them.
func TestTablesOfOthers(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	tb.AsSuper("CREATE TABLE theirs (id int)")
	one(tb, jump(tb), "database-table-owner", finding.Refuse, "table=public.theirs owner=super user=cloudify")
	tb.AsSuper("GRANT SELECT ON theirs TO cloudify")
	none(tb, jump(tb))
	tb.AsSuper("CREATE SCHEMA reports; CREATE TABLE reports.daily (id int); GRANT USAGE ON SCHEMA reports TO cloudify; GRANT SELECT ON reports.daily TO cloudify")
	none(tb, jump(tb)) // no right to build an index there is needed
	tb.AsSuper("CREATE TABLE reports.t (id int); GRANT SELECT ON reports.t TO cloudify")
	none(tb, jump(tb)) // nor for one of the same name as a table of the product's
	tb.AsSuper("ALTER TABLE t OWNER TO super; GRANT SELECT ON t TO cloudify; GRANT SELECT ON SEQUENCE t_id_seq TO cloudify")
	one(tb, jump(tb), "database-table-owner", finding.Refuse, "table=public.t owner=super")
	none(tb, Files{})
}

// TestRecordThatCannotBeRead: of the invalid indexes, which are the upgrade's own is not known then.
func TestRecordThatCannotBeRead(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	tb.AsSuper("CREATE INDEX broken ON t (b); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass")
	tb.AsSuper("CREATE SCHEMA cloudify_upgrade; CREATE TABLE cloudify_upgrade.migrations (version bigint); CREATE TABLE cloudify_upgrade.built (name text)")
	found := Run(context.Background(), attempt(tb), jump(tb))
	i := slices.IndexFunc(found, func(f finding.Finding) bool { return f.ID == "database-invalid-indexes" })
	if i < 0 || !strings.Contains(found[i].What, "cannot be determined: ") || !strings.Contains(found[i].What, "permission denied") {
		t.Errorf("findings %+v", found)
	}
}

func TestNoClientPrograms(t *testing.T) {
	tb := testbed.Small(t)
	usual := dump.Folders
	dump.Folders = []string{t.TempDir()}
	defer func() { dump.Folders = usual }()
	found := Run(context.Background(), attempt(tb), jump(tb))
	if len(found) != 1 || found[0].ID != "database-programs" || !strings.Contains(found[0].What, "found: none") || !strings.Contains(found[0].Do, "/usr/local/bin") {
		t.Errorf("findings %+v", found)
	}
	tb.Spec.Programs = []string{filepath.Dir(testbed.Server.Bin) + "/b*"}
	none(tb, jump(tb))
}

// TestPgDumpThatFails for a reason that nobody asks about: it is tried, without the rows.
func TestPgDumpThatFails(t *testing.T) {
	tb := testbed.Small(t)
	dir := t.TempDir()
	for name, rest := range map[string]string{"pg_dump": "echo 'pg_dump: error: out of luck' >&2; exit 1", "pg_restore": "exit 1"} {
		text := "#!/bin/sh\n[ \"$1\" = --version ] && exec " + filepath.Join(testbed.Server.Bin, name) + " --version\n" + rest + "\n"
		must(t, script.Write(filepath.Join(dir, name), text))
	}
	usual := dump.Folders
	dump.Folders = []string{dir}
	defer func() { dump.Folders = usual }()
	one(tb, jump(tb), "database-backup", finding.Refuse, "out of luck")
}

func TestEventTriggers(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	tb.AsSuper("CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'")
	tb.AsSuper("CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE PROCEDURE watch()")
	one(tb, jump(tb), "database-event-triggers", finding.Warn, "trigger=watching event=ddl_command_end owner=super")
	tb.AsSuper("ALTER EVENT TRIGGER watching DISABLE")
	none(tb, jump(tb))
}

// TestNotDurable is about what the product's sessions have, not the engine's.
func TestNotDurable(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	tb.AsSuper("ALTER DATABASE " + tb.Name + " SET synchronous_commit = off")
	one(tb, jump(tb), "database-not-durable", finding.Warn, "setting=synchronous_commit value=off user=cloudify")
	tb.AsSuper("ALTER DATABASE " + tb.Name + " RESET synchronous_commit")
	none(tb, jump(tb))

	server, err := testbed.Start("full_page_writes=off") // and fsync
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	risky := testbed.On(t, server)
	one(risky, Files{}, "database-not-durable", finding.Warn, "setting=fsync value=off user=cloudify; setting=full_page_writes value=off")
}

func TestStandbyThatIsAway(t *testing.T) {
	t.Parallel()
	server, err := testbed.Start("fsync=on")
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	tb := testbed.On(t, server)
	none(tb, Files{})
	tb.AsSuper("ALTER SYSTEM SET synchronous_standby_names = 'away'")
	tb.AsSuper("SELECT pg_reload_conf()")
	if _, err := tb.WaitFor("SELECT 1 WHERE current_setting('synchronous_standby_names') = 'away'"); err != nil {
		t.Fatal(err)
	}
	one(tb, Files{}, "database-standby-away", finding.Refuse, "synchronous_standby_names=away synchronous_commit=on")
}

// TestPublished needs PostgreSQL 10; before, nothing is published.
func TestPublished(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	tb.Exec("CREATE TABLE other (id int)")
	if tb.Value("SELECT current_setting('server_version_num')::int < 100000") == "true" {
		none(tb, jump(tb))
		return
	}
	tb.AsSuper("CREATE PUBLICATION p FOR TABLE other")
	none(tb, jump(tb)) // the migrations do not touch it
	tb.AsSuper("ALTER PUBLICATION p ADD TABLE t")
	one(tb, jump(tb), "database-published", finding.Warn, "publication=p table=public.t")
	tb.AsSuper("ALTER TABLE t DROP CONSTRAINT t_pkey")
	found := Run(context.Background(), attempt(tb), jump(tb))
	if len(found) != 2 || found[1].ID != "database-published-identity" || found[1].Level != finding.Refuse || !strings.Contains(found[1].What, "table=public.t publication=p") {
		t.Errorf("findings %+v", found)
	}
	if _, err := tb.SQL.Exec("UPDATE t SET b = 'x'"); err == nil {
		t.Error("PostgreSQL lets it be updated all the same")
	}
	tb.Exec("ALTER TABLE t REPLICA IDENTITY FULL")
	one(tb, jump(tb), "database-published", finding.Warn, "table=public.t")
	tb.Exec("UPDATE t SET b = 'x'")
	tb.AsSuper("DROP PUBLICATION p")
	tb.AsSuper("CREATE PUBLICATION p FOR ALL TABLES WITH (publish = 'insert')")
	one(tb, jump(tb), "database-published", finding.Warn, "publication=p table=all")
}

// TestExtensionsMembers are nobody's business: pg_dump leaves them out.
func TestExtensionsMembers(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	tb.AsSuper("CREATE SCHEMA upkeep; CREATE TABLE upkeep.jobs (id serial PRIMARY KEY)")
	if found := ids(Run(context.Background(), attempt(tb), jump(tb))); !slices.Contains(found, "database-table-owner") {
		t.Errorf("findings %v", found)
	}
	// What CREATE EXTENSION notes of what its script makes.
	for _, class := range []string{"upkeep.jobs", "upkeep.jobs_id_seq"} {
		tb.AsSuper("INSERT INTO pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)" +
			" SELECT 'pg_class'::regclass, '" + class + "'::regclass, 0, 'pg_extension'::regclass, oid, 0, 'e' FROM pg_extension WHERE extname = 'plpgsql'")
	}
	none(tb, jump(tb))
	if !dumps(tb) {
		t.Error("pg_dump does not leave it out")
	}
	// The rows of a table that the extension names as its configuration are dumped.
	tb.AsSuper("UPDATE pg_extension SET extconfig = ARRAY['upkeep.jobs'::regclass::oid], extcondition = ARRAY[''] WHERE extname = 'plpgsql'")
	one(tb, jump(tb), "database-backup-rights", finding.Refuse, "kind=table object=upkeep.jobs")
	if dumps(tb) {
		t.Error("pg_dump reads it all the same")
	}
	tb.AsSuper("UPDATE pg_extension SET extconfig = ARRAY['upkeep.jobs_id_seq'::regclass::oid] WHERE extname = 'plpgsql'")
	one(tb, jump(tb), "database-backup-rights", finding.Refuse, "kind=sequence object=upkeep.jobs_id_seq")
	if dumps(tb) {
		t.Error("pg_dump reads the sequence all the same")
	}
}

func TestOwnChecksAreComplete(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, q := range append(ownChecks, unreadable) {
		if !strings.HasPrefix(q.ID, "database-") || q.why == "" || q.do == "" || q.sql == "" || seen[q.ID] {
			t.Errorf("%+v", q)
		}
		seen[q.ID] = true
	}
}

// TestChecksOnHurtfulRoles: nothing that a role has makes the questions fail.
func TestChecksOnHurtfulRoles(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	for _, setting := range []string{"statement_timeout = 100", "lock_timeout = 50", "default_transaction_isolation = serializable", "datestyle = 'German, DMY'", "search_path = pg_catalog"} {
		tb.AsSuper("ALTER ROLE cloudify IN DATABASE " + tb.Name + " SET " + setting)
	}
	none(tb, jump(tb))
}
