package migration

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
			tb := newBed(t)
			tb.Exec("CREATE TABLE r (" + key + ", b text)")
			tb.Exec("INSERT INTO r (b) SELECT repeat('x', i % 100) FROM generate_series(1, 3000) i")
			start, startData := tb.SchemaDump(), tb.DataDump()
			tb.Spec.Backfill = []manifest.Backfill{{Table: "r", Set: "len = length(b)", Where: "len IS NULL", Batch: 700}}
			dir := tb.Folder(grow("r"))

			db := tb.attempt(dir)
			must(t, expandUnder(ctx, db))
			tb.Exec("INSERT INTO r (b) VALUES ('written by the old code, which has no trigger here')")
			tb.Exec("UPDATE r SET len = NULL WHERE id IN (7, 2999)")
			must(t, db.Converge(ctx, manifest.New, 0))
			tb.Want("SELECT count(*) FROM r WHERE len = length(b)", "3001")
			tb.Want("SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_left\\_%'", "0")
			tb.Exec("DELETE FROM r WHERE id > 3000")
			must(t, db.Converge(ctx, manifest.Old, 0))
			tb.Same("schemas", tb.SchemaDump(), start)
			tb.Same("data", strings.Replace(tb.DataDump(), "3001, true", "3000, true", 1), startData)
		})
	}
}

// expandUnder expands while the product holds a row, which is passed by. The index
// at the end waits for the product, so the row is let go when all others are filled.
func expandUnder(ctx context.Context, db *Runner) error {
	list := db.Spec.Backfill
	db.Spec.Backfill = nil
	if err := db.Expand(ctx); err != nil {
		return err
	}
	db.Spec.Backfill = list
	hold, err := db.Pool.Begin()
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
	if err := db.Expand(ctx); err != nil {
		return err
	}
	if !passed {
		return errors.New("the row that was held was not passed by")
	}
	return nil
}

func TestBackfillGoesOn(t *testing.T) {
	t.Parallel()
	tb := newBed(t)
	tb.Exec("CREATE TABLE r (id serial PRIMARY KEY, b text)")
	tb.Exec("INSERT INTO r (b) SELECT 'x' FROM generate_series(1, 1000) i")
	tb.Exec("ANALYZE r")
	tb.Spec.Backfill = []manifest.Backfill{{Table: "r", Set: "len = length(b)", Where: "len IS NULL", Batch: 100}}
	dir := tb.Folder(grow("r"))
	ctx, cancel := context.WithCancel(context.Background())
	db := tb.attempt(dir)
	var seen []string
	db.Progress = func(what string, done, total int64) {
		seen = append(seen, fmt.Sprint(what, " ", done, " ", total))
		if done == 300 {
			cancel()
		}
	}
	if err := db.Expand(ctx); err == nil {
		t.Fatal("it was not stopped")
	}
	if got := strings.Join(seen, ", "); got != "fill r 100 1000, fill r 200 1000, fill r 300 1000" {
		t.Errorf("progress %s", got)
	}
	db = tb.attempt(dir)
	count := 0
	db.Progress = func(_ string, done, _ int64) { count = int(done) }
	must(t, db.Expand(context.Background()))
	if count != 700 {
		t.Errorf("%d rows were filled again or left", count)
	}
	must(t, db.Converge(context.Background(), manifest.New, 0))
}

func TestBackfillThatDoesNotFill(t *testing.T) {
	t.Parallel()
	tb := newBed(t)
	tb.Exec("CREATE TABLE r (id serial PRIMARY KEY, b text)")
	tb.Exec("INSERT INTO r (b) VALUES ('x')")
	start := tb.SchemaDump()
	tb.Spec.Backfill = []manifest.Backfill{{Table: "r", Set: "b = 'y'", Where: "len IS NULL"}}
	dir := tb.Folder(grow("r"))
	db := tb.attempt(dir)
	must(t, db.Expand(context.Background()))
	err := db.Converge(context.Background(), manifest.New, 0)
	if err == nil || !strings.Contains(err.Error(), "fill table r: rows are left") {
		t.Errorf("error %v", err)
	}
	must(t, db.Converge(context.Background(), manifest.Old, 0))
	tb.Same("schemas", tb.SchemaDump(), start)
}
