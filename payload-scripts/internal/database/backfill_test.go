package database

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

// grow is a jump with a backfill: a column that old code does not write, kept by a trigger.
func grow(table string) map[string]string {
	return map[string]string{
		"1_expand_column.sql": "-- +goose Up\nALTER TABLE " + table + " ADD COLUMN len int;\n-- +goose Down\nALTER TABLE " + table + " DROP COLUMN len;\n",
		"2_switch_column.sql": "-- +goose Up\nALTER TABLE " + table + " ALTER COLUMN len SET NOT NULL;\n-- +goose Down\nALTER TABLE " + table + " ALTER COLUMN len DROP NOT NULL;\n",
	}
}

func TestBackfill(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{
		"by key": "id bigserial PRIMARY KEY", "by a small key": "id serial PRIMARY KEY", "by page": "id bigserial", "by page, another key": "id bigserial, name uuid PRIMARY KEY DEFAULT md5(random()::text)::uuid",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			tb := newTestbed(t)
			tb.exec("CREATE TABLE r (" + key + ", b text)")
			tb.exec("INSERT INTO r (b) SELECT repeat('x', i % 100) FROM generate_series(1, 3000) i")
			start, startData := tb.schemaDump(), tb.dataDump()
			tb.spec.Backfill = []manifest.Backfill{{Table: "r", Set: "len = length(b)", Where: "len IS NULL", Batch: 700}}
			dir := tb.folder(grow("r"))

			db := tb.attempt()
			must(t, expandUnder(ctx, db, dir))
			tb.exec("INSERT INTO r (b) VALUES ('written by the old code, which has no trigger here')")
			tb.exec("UPDATE r SET len = NULL WHERE id IN (7, 2999)")
			must(t, db.Converge(ctx, manifest.New, dir, 0))
			tb.want("SELECT count(*) FROM r WHERE len = length(b)", "3001")
			tb.want("SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_left\\_%'", "0")
			tb.exec("DELETE FROM r WHERE id > 3000")
			must(t, db.Converge(ctx, manifest.Old, dir, 0))
			tb.same("schemas", tb.schemaDump(), start)
			tb.same("data", strings.Replace(tb.dataDump(), "3001, true", "3000, true", 1), startData)
		})
	}
}

// expandUnder expands while the product holds a row, which is passed by. The index
// at the end waits for the product, so the row is let go when all others are filled.
func expandUnder(ctx context.Context, db *DB, dir string) error {
	list := db.spec.Backfill
	db.spec.Backfill = nil
	if err := db.Expand(ctx, dir); err != nil {
		return err
	}
	db.spec.Backfill = list
	hold, err := db.pool.Begin()
	if err != nil {
		return err
	}
	if _, err := hold.Exec("SELECT 1 FROM r WHERE id = 5 FOR UPDATE"); err != nil {
		return err
	}
	passed := false
	db.Progress = func(_ string, done, _ int64) {
		if done == 2999 && !passed {
			passed = true
			_ = hold.Rollback()
		}
	}
	if err := db.Expand(ctx, dir); err != nil {
		return err
	}
	if !passed {
		return errors.New("the row that was held was not passed by")
	}
	return nil
}

func TestBackfillGoesOn(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t)
	tb.exec("CREATE TABLE r (id serial PRIMARY KEY, b text)")
	tb.exec("INSERT INTO r (b) SELECT 'x' FROM generate_series(1, 1000) i")
	tb.exec("ANALYZE r")
	tb.spec.Backfill = []manifest.Backfill{{Table: "r", Set: "len = length(b)", Where: "len IS NULL", Batch: 100}}
	dir := tb.folder(grow("r"))
	ctx, cancel := context.WithCancel(context.Background())
	db := tb.attempt()
	var seen []string
	db.Progress = func(what string, done, total int64) {
		seen = append(seen, fmt.Sprint(what, " ", done, " ", total))
		if done == 300 {
			cancel()
		}
	}
	if err := db.Expand(ctx, dir); err == nil {
		t.Fatal("it was not stopped")
	}
	if got := strings.Join(seen, ", "); got != "fill r 100 1000, fill r 200 1000, fill r 300 1000" {
		t.Errorf("progress %s", got)
	}
	db = tb.attempt()
	count := 0
	db.Progress = func(_ string, done, _ int64) { count = int(done) }
	must(t, db.Expand(context.Background(), dir))
	if count != 700 {
		t.Errorf("%d rows were filled again or left", count)
	}
	must(t, db.Converge(context.Background(), manifest.New, dir, 0))
}

func TestBackfillThatDoesNotFill(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t)
	tb.exec("CREATE TABLE r (id serial PRIMARY KEY, b text)")
	tb.exec("INSERT INTO r (b) VALUES ('x')")
	start := tb.schemaDump()
	tb.spec.Backfill = []manifest.Backfill{{Table: "r", Set: "b = 'y'", Where: "len IS NULL"}}
	dir := tb.folder(grow("r"))
	db := tb.attempt()
	must(t, db.Expand(context.Background(), dir))
	err := db.Converge(context.Background(), manifest.New, dir, 0)
	if err == nil || !strings.Contains(err.Error(), "fill table r: rows are left") {
		t.Errorf("error %v", err)
	}
	must(t, db.Converge(context.Background(), manifest.Old, dir, 0))
	tb.same("schemas", tb.schemaDump(), start)
}

// TestWindowReadsNoTable: what the window does to a table that grows with use, both
// ways, is neither a scan nor a rewrite.
func TestWindowReadsNoTable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ jump, from string }{{"4.0.1-4.1.1", "4.0.1"}, {"4.1.1-4.2.0", "4.1.1"}} {
		t.Run(c.jump, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			tb := newTestbed(t)
			dir, _ := tb.jump(c.jump)
			tb.create(c.from, false)
			tb.write("a")
			for _, table := range []string{"events", "logs"} {
				tb.exec("INSERT INTO " + table + " (id, timestamp, reported_timestamp, _execution_fk, _tenant_id, _creator_id, private_resource)" +
					" SELECT i::text, now(), now(), (SELECT min(_storage_id) FROM executions), 0, 0, false FROM generate_series(1, 3000) i")
			}
			db := tb.attempt()
			must(t, db.Expand(ctx, dir))
			db.Close()
			before := tb.scans()
			db = tb.attempt()
			must(t, db.Converge(ctx, manifest.New, dir, 0))
			db.Close() // its counters are told when it ends
			tb.same("scans and files on the way to new", tb.scans(), before)
			db = tb.attempt()
			must(t, db.Converge(ctx, manifest.Old, dir, 0))
			db.Close()
			tb.same("scans and files on the way to old", tb.scans(), before)
		})
	}
}

// scans tells how often each table that grows with use was read from end to end, and which file it is in.
func (tb *testbed) scans() string {
	tb.Helper()
	if _, err := waitFor(tb, "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'cloudify-upgrade%' AND datname = current_database())"); err != nil {
		tb.Fatal(err)
	}
	var out []string
	before12 := tb.value("SELECT current_setting('server_version_num')::int < 120000") == "true"
	for _, r := range resources {
		if before12 && r.table == "node_instances" {
			continue // SET NOT NULL reads it in spite of the validated constraint
		}
		if _, err := tb.super.Exec("SELECT pg_stat_clear_snapshot()"); err != nil {
			tb.Fatal(err)
		}
		out = append(out, tb.value("SELECT relname || ' scans=' || seq_scan || ' file=' || pg_relation_filenode(relid) FROM pg_stat_user_tables WHERE relname = '"+r.table+"'"))
	}
	return strings.Join(out, "\n")
}
