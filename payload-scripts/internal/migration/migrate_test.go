package migration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/test/product/testbed"
)

// small is a folder whose files are easy to break.
var small = map[string]string{
	"101_expand_a.sql": "-- +goose Up\nALTER TABLE t ADD COLUMN a int;\n-- +goose Down\nALTER TABLE t DROP COLUMN a;\n",
	"102_expand_b.sql": "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_b_idx ON t (b);\n-- +goose Down\nDROP INDEX CONCURRENTLY IF EXISTS t_b_idx;\n",
	"110_switch_c.sql": "-- +goose Up\nALTER TABLE t ALTER COLUMN a SET DEFAULT 1;\nINSERT INTO t (b) VALUES ('new');\n-- +goose Down\nDELETE FROM t WHERE b = 'new';\nALTER TABLE t ALTER COLUMN a DROP DEFAULT;\n",
}

func with(files map[string]string, more ...string) map[string]string {
	out := map[string]string{}
	for k, v := range files {
		out[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

func TestErrorInTheThirdStatement(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := newSmall(t)
	dir := tb.Folder(with(small, "105_expand_x.sql",
		"-- +goose Up\nCREATE TABLE u (id int);\nINSERT INTO u VALUES (1);\nALTER TABLE t ADD CONSTRAINT no_cards CHECK (b !~ '4929');\n-- +goose Down\nDROP TABLE u;\n"))
	start := tb.SchemaDump()
	db := tb.attempt(dir)
	err := db.Expand(ctx)
	var failed *Error
	if !errors.As(err, &failed) || failed.File != "105_expand_x.sql" || failed.Statement != 3 || database.Code(err) != "23514" {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{"105_expand_x.sql", "statement 3", "no_cards", "SQLSTATE 23514", "nothing of this file was kept", "101_expand_a.sql to 102_expand_b.sql"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "1234") {
		t.Errorf("the error holds a row: %v", err)
	}
	tb.Want("SELECT count(*) FROM pg_class WHERE relname = 'u'", "0")
	if n, err := db.Version(ctx); n != 102 || err != nil {
		t.Errorf("version %d, %v", n, err)
	}
	must(t, db.Converge(ctx, manifest.Old, 0))
	tb.Same("schemas", tb.SchemaDump(), start)
}

func TestDataExceptionTellsNoData(t *testing.T) {
	t.Parallel()
	tb := newSmall(t)
	dir := tb.Folder(map[string]string{"1_switch_x.sql": "-- +goose Up\nALTER TABLE t ALTER COLUMN b TYPE int USING b::int;\n-- +goose Down\nSELECT 1;\n"})
	err := tb.attempt(dir).Converge(context.Background(), manifest.New, 0)
	if database.Code(err) != "22P02" || strings.Contains(err.Error(), "4929") {
		t.Errorf("error %v", err)
	}
}

func TestLockHeldByAnother(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := newSmall(t)
	dir := tb.Folder(small)
	hold, err := tb.Super.Begin()
	must(t, err)
	defer hold.Rollback()
	_, err = hold.Exec("LOCK TABLE t IN ROW EXCLUSIVE MODE")
	must(t, err)

	err = tb.attempt(dir).Expand(ctx)
	if database.Code(err) != "55P03" || !strings.Contains(err.Error(), "tried 6 times") || !strings.Contains(err.Error(), "of super") {
		t.Fatalf("error %v", err)
	}
	tb.Want("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'cloudify-upgrade a1%' AND state <> 'idle' AND datname = current_database()", "0")

	// Let go while it tries: the file is done on a later try.
	released := make(chan error, 1)
	go func() {
		for tb.Super.QueryRow("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'relation' AND database = (SELECT oid FROM pg_database WHERE datname = $1)", tb.Name).Scan(new(int)) != nil {
			time.Sleep(10 * time.Millisecond)
		}
		released <- hold.Rollback()
	}()
	must(t, tb.attempt(dir).Expand(ctx))
	must(t, <-released)
}

func TestIndexBuildThatTimesOutHeals(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := newSmall(t)
	dir := tb.Folder(small)
	start := tb.SchemaDump()
	must(t, tb.attempt(tb.Folder(map[string]string{"101_expand_a.sql": small["101_expand_a.sql"]})).Expand(ctx))

	// An open writer: the build waits for it, gives up, and leaves an invalid index each time.
	hold, err := tb.Super.Begin()
	must(t, err)
	_, err = hold.Exec("INSERT INTO t (b) VALUES ('open')")
	must(t, err)
	err = tb.attempt(dir).Expand(ctx)
	if database.Code(err) != "55P03" || !strings.Contains(err.Error(), "unfinished index") {
		t.Fatalf("error %v", err)
	}
	tb.Want("SELECT indisvalid::text FROM pg_index WHERE indexrelid = 't_b_idx'::regclass", "false")
	if others, err := InvalidIndexes(ctx, tb.attempt(dir).DB); err != nil || len(others) > 0 {
		t.Errorf("our own leftover is told of: %v, %v", others, err)
	}
	must(t, hold.Rollback())

	must(t, tb.attempt(dir).Expand(ctx))
	tb.Want("SELECT indisvalid::text FROM pg_index WHERE indexrelid = 't_b_idx'::regclass", "true")
	must(t, tb.attempt(dir).Converge(ctx, manifest.Old, 0))
	tb.Same("schemas", tb.SchemaDump(), start)
}

func TestInvalidIndexThatIsNotRecordedGoes(t *testing.T) {
	t.Parallel()
	for _, broken := range []bool{true, false} {
		t.Run(fmt.Sprint("invalid=", broken), func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			tb := newSmall(t)
			dir := tb.Folder(small)
			start := tb.SchemaDump()
			db := tb.attempt(dir)
			// Killed while, or right after, the index was built: it is there, the record is not.
			must(t, tb.attempt(tb.Folder(map[string]string{"101_expand_a.sql": small["101_expand_a.sql"]})).Expand(ctx))
			tb.Exec("INSERT INTO cloudify_upgrade.built (version, name) VALUES (102, 't_b_idx')")
			tb.Exec("CREATE INDEX t_b_idx ON t (b)")
			if broken {
				_, err := tb.Super.Exec("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_b_idx'::regclass")
				must(t, err)
			}
			must(t, db.Converge(ctx, manifest.Old, 0))
			tb.Same("schemas", tb.SchemaDump(), start)
		})
	}
}

func TestIndexThatWasThereStays(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := newSmall(t)
	tb.Exec("CREATE INDEX t_b_idx ON t (b)")
	start := tb.SchemaDump()
	dir := tb.Folder(small)
	must(t, tb.attempt(dir).Expand(ctx))
	must(t, tb.attempt(dir).Converge(ctx, manifest.New, 0))
	must(t, tb.attempt(dir).Converge(ctx, manifest.Old, 0))
	tb.Same("schemas", tb.SchemaDump(), start)
}

// slow waits in the middle of a file until it is ended, then does the rest.
const slow = "-- +goose Up\nCREATE TABLE u (id int);\nSELECT pg_sleep(CASE WHEN (SELECT count(*) FROM tries) = 0 THEN 60 ELSE 0 END);\n-- +goose Down\nDROP TABLE u;\n"

func TestKilledBackendIsTriedAgain(t *testing.T) {
	t.Parallel()
	tb := newSmall(t)
	tb.Exec("CREATE TABLE tries (id int)")
	dir := tb.Folder(with(small, "105_expand_slow.sql", slow))
	done := make(chan error, 1)
	go func() {
		_, err := tb.WaitFor("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'cloudify-upgrade a1%' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid() AND datname = current_database()")
		if err == nil {
			_, err = tb.Super.Exec("INSERT INTO tries VALUES (1)")
		}
		if err == nil {
			_, err = tb.Super.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'cloudify-upgrade a1%' AND datname = current_database()")
		}
		done <- err
	}()
	must(t, tb.attempt(dir).Expand(context.Background()))
	must(t, <-done)
	tb.Want("SELECT count(*) FROM pg_class WHERE relname = 'u'", "1")
	tb.Want("SELECT max(version) FROM cloudify_upgrade.migrations", "105")
}

// TestClientThatWasKilled leaves a session at work, as a killed engine does: its
// transaction must not be able to commit under the next run.
func TestClientThatWasKilled(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := newSmall(t)
	start := tb.SchemaDump()
	dir := tb.Folder(small)
	dead, err := sql.Open("pgx", testbed.Server.As("cloudify", tb.Name)+" application_name='cloudify-upgrade a1 0badcafe'")
	must(t, err)
	defer dead.Close()
	finished := make(chan error, 1)
	go func() {
		_, err := dead.Exec("BEGIN; ALTER TABLE t ADD COLUMN a int; SELECT pg_sleep(60); COMMIT")
		finished <- err
	}()
	_, err = tb.WaitFor("SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid() AND datname = current_database()")
	must(t, err)
	next := tb.attempt(dir)
	must(t, next.Terminate(ctx))
	tb.Want("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid() AND datname = current_database()", "0")
	if err := <-finished; database.Code(err) != "57P01" {
		t.Errorf("the old session ended with %v", err)
	}
	must(t, next.Expand(ctx))
	must(t, next.Converge(ctx, manifest.Old, 0))
	tb.Same("schemas", tb.SchemaDump(), start)
}

func TestStopInTheMiddleOfTheWindow(t *testing.T) {
	t.Parallel()
	tb := newSmall(t)
	start := tb.SchemaDump()
	dir := tb.Folder(with(small, "111_switch_d.sql", "-- +goose Up\nCREATE TABLE u (id int);\nSELECT pg_sleep(60);\n-- +goose Down\nDROP TABLE u;\n"))
	must(t, tb.attempt(dir).Expand(context.Background()))
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = tb.WaitFor("SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid() AND datname = current_database()")
		cancel()
	}()
	err := tb.attempt(dir).Converge(ctx, manifest.New, 0)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "may have been done or not") {
		t.Fatalf("error %v", err)
	}
	db := tb.attempt(dir)
	must(t, db.Terminate(context.Background()))
	must(t, db.Converge(context.Background(), manifest.Old, 0))
	tb.Same("schemas", tb.SchemaDump(), start)
	tb.Want("SELECT count(*) FROM t", "1")
}

// TestRecordThatDoesNotFit: goose itself would do nothing here, and say nothing.
func TestRecordThatDoesNotFit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, record, want string }{
		{"a gap", "(102)", "101_expand_a.sql is not applied in the database, but the later 102 is"},
		{"unknown", "(101), (101.5 + 0.5), (103)", "103 is applied in the database, but not in this bundle (its next is 110_switch_c.sql)"},
		{"beyond the last", "(101), (102), (110), (200)", "200 is applied in the database, which is beyond the last of this bundle"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tb := newSmall(t)
			db := tb.attempt(tb.Folder(small))
			must(t, db.ensureRecord(context.Background()))
			tb.Exec("INSERT INTO cloudify_upgrade.migrations (version) VALUES " + c.record)
			for _, err := range []error{
				db.Expand(context.Background()),
				db.Converge(context.Background(), manifest.New, 0),
			} {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v", err)
				}
			}
		})
	}
}

func TestFolderMistakes(t *testing.T) {
	t.Parallel()
	const empty = "-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 1;\n"
	for want, files := range map[string]map[string]string{
		"0 files":                {},
		"the name is not":        {"101_a.sql": empty},
		"no number from 1":       {"0_expand_a.sql": empty},
		"the same number":        {"101_expand_a.sql": empty, "0101_expand_b.sql": empty},
		"after 101_switch_a.sql": {"101_switch_a.sql": empty, "102_expand_b.sql": empty},
		"larger than":            {"101_expand_a.sql": strings.Repeat(" ", maxMigrationFile+1)},
	} {
		tb := &testbed.Bed{T: t}
		if _, err := readFolder(tb.Folder(files)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}

func TestProofs(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := newSmall(t)
	dir := tb.Folder(small)
	tb.Spec.Expects = &manifest.Expects{Query: "SELECT count(*) FROM t", Value: "1"}
	tb.Spec.Becomes = &manifest.Expects{Query: "SELECT count(*) FROM t", Value: "3"}
	must(t, tb.attempt(dir).Expand(ctx))
	err := tb.attempt(dir).Converge(ctx, manifest.New, 0)
	if err == nil || !strings.Contains(err.Error(), `answers "2", not "3"`) {
		t.Errorf("error %v", err)
	}
	if err := tb.attempt(dir).Converge(ctx, manifest.Old, 100); err == nil || !strings.Contains(err.Error(), "at migration 0, not at 100") {
		t.Errorf("error %v", err)
	}
	must(t, tb.attempt(dir).Converge(ctx, manifest.Old, 0))
}

// TestProofWithoutMigrations: a release that changed the schema by itself when it was started is not taken for
// one that left it as it was.
func TestProofWithoutMigrations(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := newSmall(t)
	tb.Spec.Migrations = ""
	tb.Spec.Expects = &manifest.Expects{Query: "SELECT count(*) FROM t", Value: "1"}
	db := tb.attempt("")
	must(t, db.Expand(ctx))
	must(t, db.Converge(ctx, manifest.New, 0))
	must(t, db.Converge(ctx, manifest.Old, 0))
	tb.Spec.Expects.Value = "2"
	if err := tb.attempt("").Converge(ctx, manifest.Old, 0); err == nil || !strings.Contains(err.Error(), "not the old release's") || !strings.Contains(err.Error(), `answers "1", not "2"`) {
		t.Errorf("error %v", err)
	}
}
