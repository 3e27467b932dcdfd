package migration

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/test/product/pgserver"
	"onerpm/test/product/testbed"
)

// ownServer is one that a test may kill. What is committed without a flush is not
// written by itself in the time that a test takes.
func ownServer(t *testing.T) *pgserver.Server {
	t.Helper()
	s, err := testbed.Start("wal_writer_delay=10000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// killable is a database whose sessions are not kept over the server's end.
func killable(t *testing.T, s *pgserver.Server) *bed {
	t.Helper()
	tb := &bed{testbed.On(t, s)}
	tb.SQL.SetMaxIdleConns(0)
	tb.Super.SetMaxIdleConns(0)
	return tb
}

// rows is the data without the sequences, which skip numbers in a crash.
func (tb *bed) rows() string {
	tb.Helper()
	return regexp.MustCompile(`(?m)^SELECT pg_catalog\.setval.*$`).ReplaceAllString(tb.DataDump(), "")
}

func crash(t *testing.T, s *pgserver.Server) {
	t.Helper()
	must(t, s.Kill())
	must(t, s.Restart(context.Background()))
}

// TestWhatIsDoneOutlivesACrash: the role has synchronous_commit = off, with which
// PostgreSQL says of a commit that it is done and forgets it in a crash.
func TestWhatIsDoneOutlivesACrash(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	server := ownServer(t)
	tb := killable(t, server)
	tb.Exec("CREATE TABLE t (id serial PRIMARY KEY, b text)")
	tb.Exec("INSERT INTO t (b) SELECT 'x' FROM generate_series(1, 100)")
	tb.AsSuper("ALTER ROLE cloudify SET synchronous_commit = off")
	tb.AsSuper("CHECKPOINT")
	start := tb.SchemaDump()
	tb.Spec.Backfill = []manifest.Backfill{{Table: "t", Set: "a = 7", Where: "a IS NULL", Batch: 30}}
	dir := tb.Folder(small)

	must(t, tb.attempt(dir).Expand(ctx))
	crash(t, server)
	tb.Want("SELECT string_agg(version::text, ' ' ORDER BY version) FROM cloudify_upgrade.migrations", "0 101 102")
	tb.Want("SELECT count(*) FROM t WHERE a = 7", "100")
	tb.Want("SELECT indisvalid::text FROM pg_index WHERE indexrelid = 't_b_idx'::regclass", "true")

	must(t, tb.attempt(dir).Converge(ctx, manifest.New, 0))
	crash(t, server)
	tb.Want("SELECT max(version) FROM cloudify_upgrade.migrations", "110")
	tb.Want("SELECT count(*) FROM t WHERE b = 'new'", "1")
	tb.Want("SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_left\\_%'", "0")

	must(t, tb.attempt(dir).Converge(ctx, manifest.Old, 0))
	crash(t, server)
	tb.Same("schemas", tb.SchemaDump(), start)
	tb.Want("SELECT count(*) FROM pg_namespace WHERE nspname = 'cloudify_upgrade'", "0")
	tb.Want("SELECT count(*) FROM t", "100")
}

// asleep makes function asleep(x), which returns x, and the first time waits to be killed.
const asleep = `CREATE TABLE killed (id int);
	CREATE FUNCTION asleep(x text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS
	'BEGIN IF (SELECT count(*) FROM public.killed) = 0 THEN PERFORM pg_catalog.pg_advisory_lock(4711), pg_catalog.pg_sleep(600); END IF; RETURN x; END'`

// TestServerThatIsKilledMeanwhile: PostgreSQL as a whole is killed in the middle of
// each kind of work, and started again. The work goes on to its end by itself.
func TestServerThatIsKilledMeanwhile(t *testing.T) {
	t.Parallel()
	server := ownServer(t)
	const up, down = "-- +goose Up\n", "-- +goose Down\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		fill  manifest.Backfill
		in    string // the work that is killed: expand, new or old
	}{
		{"a migration of expand", map[string]string{"105_expand_x.sql": up + "CREATE TABLE u (id int);\nINSERT INTO u SELECT 1 WHERE asleep('') = '';\n" + down + "DROP TABLE u;\n"}, manifest.Backfill{}, "expand"},
		{"the build of an index", map[string]string{"105_expand_x.sql": "-- +goose NO TRANSACTION\n" + up + "CREATE INDEX CONCURRENTLY t_asleep ON t (asleep(b));\n" + down + "DROP INDEX CONCURRENTLY t_asleep;\n"}, manifest.Backfill{}, "expand"},
		{"a batch of the backfill", nil, manifest.Backfill{Table: "t", Set: "a = length(asleep(b))", Where: "a IS NULL", Batch: 30}, "expand"},
		{"the index of the backfill", nil, manifest.Backfill{Table: "t", Set: "a = 1", Where: "a IS NULL OR asleep(b) = ''", Batch: 30}, "expand"},
		{"a migration of the switch", map[string]string{"111_switch_x.sql": up + "CREATE TABLE u (id int);\nINSERT INTO u SELECT 1 WHERE asleep('') = '';\n" + down + "DROP TABLE u;\n"}, manifest.Backfill{}, "new"},
		{"a migration that is taken back", map[string]string{"111_switch_x.sql": up + "CREATE TABLE u (id int);\n" + down + "INSERT INTO u SELECT 1 WHERE asleep('') = '';\nDROP TABLE u;\n"}, manifest.Backfill{}, "old"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			tb := killable(t, server)
			tb.Exec("CREATE TABLE t (id serial PRIMARY KEY, b text)")
			tb.Exec("INSERT INTO t (b) SELECT 'x' FROM generate_series(1, 100)")
			tb.Exec(asleep)
			start, startData := tb.SchemaDump(), tb.rows()
			if c.fill.Table != "" {
				tb.Spec.Backfill = []manifest.Backfill{c.fill}
			}
			dir := tb.Folder(small)
			for name, text := range c.files {
				dir = tb.Folder(with(small, name, text))
			}
			work := []struct {
				name string
				do   func(*Runner) error
			}{
				{"expand", func(r *Runner) error { return r.Expand(ctx) }},
				{"new", func(r *Runner) error { return r.Converge(ctx, manifest.New, 0) }},
				{"old", func(r *Runner) error { return r.Converge(ctx, manifest.Old, 0) }},
			}
			for _, w := range work {
				var killed chan error
				if w.name == c.in {
					killed = make(chan error, 1)
					go func() { killed <- killWhenAsleep(tb, server) }()
				}
				must(t, w.do(tb.attempt(dir)))
				if killed != nil {
					must(t, <-killed)
					tb.Exec("DELETE FROM killed WHERE id < 0") // the product writes again
				}
				if w.name == "new" {
					tb.Want("SELECT count(*) FROM t WHERE b = 'new'", "1")
					tb.Want("SELECT count(*) FROM pg_index WHERE NOT indisvalid", "0")
				}
			}
			tb.Same("schemas", tb.SchemaDump(), start)
			tb.AsSuper("TRUNCATE killed")
			tb.Same("data", tb.rows(), startData)
		})
	}
}

// killWhenAsleep waits for the work that sleeps, and kills the server in the middle of it.
func killWhenAsleep(tb *bed, server *pgserver.Server) error {
	if _, err := tb.WaitFor("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"); err != nil {
		return err
	}
	if _, err := tb.Super.Exec("INSERT INTO killed VALUES (1)"); err != nil {
		return err
	}
	if err := server.Kill(); err != nil {
		return err
	}
	return server.Restart(context.Background())
}

// TestSynchronousStandbyThatIsAway: with one, every commit waits for it, for ever; the
// engine's do not.
func TestSynchronousStandbyThatIsAway(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	server := ownServer(t)
	tb := killable(t, server)
	tb.Exec("CREATE TABLE t (id serial PRIMARY KEY, b text)")
	tb.Exec("INSERT INTO t (b) SELECT 'x' FROM generate_series(1, 100)")
	tb.Spec.Backfill = []manifest.Backfill{{Table: "t", Set: "a = 7", Where: "a IS NULL", Batch: 30}}
	dir := tb.Folder(small)
	tb.AsSuper("ALTER SYSTEM SET synchronous_standby_names = 'away'")
	tb.AsSuper("SELECT pg_reload_conf()")
	if _, err := tb.WaitFor("SELECT 1 WHERE current_setting('synchronous_standby_names') = 'away'"); err != nil {
		t.Fatal(err)
	}
	must(t, tb.attempt(dir).Expand(ctx))
	must(t, tb.attempt(dir).Converge(ctx, manifest.New, 0))
	tb.Want("SELECT count(*) FROM t WHERE a = 7", "100")
	must(t, tb.attempt(dir).Converge(ctx, manifest.Old, 0))
}

// TestStatementsHaveALimit: the spec's, in expand, in the window and on the way back.
func TestStatementsHaveALimit(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const sleep = "SELECT pg_sleep(600);\n"
	for name, text := range map[string]string{
		"105_expand_x.sql": "-- +goose Up\n" + sleep + "-- +goose Down\nSELECT 1;\n",
		"111_switch_x.sql": "-- +goose Up\n" + sleep + "-- +goose Down\nSELECT 1;\n",
		"112_switch_x.sql": "-- +goose Up\nSELECT 1;\n-- +goose Down\n" + sleep,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tb := newSmall(t)
			r := tb.attempt(tb.Folder(with(small, name, text)))
			r.Limits.StatementTimeout = manifest.Duration(300 * time.Millisecond)
			err := r.Expand(ctx)
			if err == nil {
				err = r.Converge(ctx, manifest.New, 0)
			}
			if err == nil {
				err = r.Converge(ctx, manifest.Old, 0)
			}
			if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "SQLSTATE 57014") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestLimitsWithoutASpec are those that the documentation promises.
func TestLimitsWithoutASpec(t *testing.T) {
	t.Parallel()
	tb := newSmall(t)
	files := map[string]string{}
	for i, name := range []string{"1_expand_a.sql", "2_switch_b.sql"} {
		files[name] = fmt.Sprintf("-- +goose Up\nCREATE TABLE seen%d AS SELECT current_setting('statement_timeout') AS has;\n-- +goose Down\nDROP TABLE seen%d;\n", i, i)
	}
	tb.Spec.Backfill = []manifest.Backfill{{Table: "t", Set: "b = current_setting('statement_timeout')", Where: "b !~ 'min'", Batch: 10}}
	r := tb.attempt(tb.Folder(files))
	must(t, r.Expand(context.Background()))
	must(t, r.Converge(context.Background(), manifest.New, 0))
	tb.Want("SELECT has FROM seen0", "12h")
	tb.Want("SELECT has FROM seen1", "1h")
	tb.Want("SELECT b FROM t", "10min")
}

// TestSettingsOfAMigration end with it: pg_dump writes such lines, and people copy them.
func TestSettingsOfAMigration(t *testing.T) {
	t.Parallel()
	tb := newSmall(t)
	const set = "SET lock_timeout = 0;\nSET statement_timeout = 0;\nSET synchronous_commit = off;\nSELECT pg_catalog.set_config('search_path', '', false);\n"
	const seen = `current_setting('lock_timeout') || ' ' || current_setting('statement_timeout') || ' ' || current_setting('synchronous_commit') || ' ' || current_setting('search_path') AS seen`
	dir := tb.Folder(map[string]string{
		"101_expand_a.sql": "-- +goose Up\n" + set + "-- +goose Down\nSELECT 1;\n",
		"102_expand_b.sql": "-- +goose Up\nCREATE TABLE public.saw AS SELECT " + seen + ";\n-- +goose Down\nDROP TABLE public.saw;\n",
	})
	must(t, tb.attempt(dir).Expand(context.Background()))
	tb.Want("SELECT seen FROM saw", `300ms 12h local "$user", public`)
}
