package migration

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
)

// column is a jump that adds a column to a table, which a backfill fills.
func column(tb *bed, table string) string {
	return tb.Folder(map[string]string{
		"1_expand_a.sql": "-- +goose Up\nALTER TABLE " + table + " ADD a int;\n-- +goose Down\nALTER TABLE " + table + " DROP a;\n",
		"2_switch_b.sql": "-- +goose Up\nALTER TABLE " + table + " ALTER a SET NOT NULL;\n-- +goose Down\nALTER TABLE " + table + " ALTER a DROP NOT NULL;\n",
	})
}

// TestBackfillOfOddNames: schema, table and key may be called anything that the spec quotes.
func TestBackfillOfOddNames(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for table, create := range map[string]string{
		`"App Data".lamps`:     `CREATE SCHEMA "App Data"; CREATE TABLE "App Data".lamps ("Lamp Id" bigserial PRIMARY KEY)`,
		`"Lamps; DROP TABLE"`:  `CREATE TABLE "Lamps; DROP TABLE" (id serial PRIMARY KEY)`,
		`public."Quote""Name"`: `CREATE TABLE "Quote""Name" ("select" smallint PRIMARY KEY DEFAULT 7)`,
		"without":              "CREATE TABLE without (\"The First\" text)",
	} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			tb := newBed(t)
			tb.Exec(create)
			tb.Exec("INSERT INTO " + table + " DEFAULT VALUES")
			start := tb.SchemaDump()
			tb.Spec.Backfill = []manifest.Backfill{{Table: table, Set: "a = 1", Where: "a IS NULL", Batch: 10}}
			r := tb.attempt(column(tb, table))
			must(t, r.Expand(ctx))
			tb.Want("SELECT count(*) FROM "+table+" WHERE a = 1", "1")
			must(t, r.Converge(ctx, manifest.New, 0))
			must(t, r.Converge(ctx, manifest.Old, 0))
			tb.Same("schemas", tb.SchemaDump(), start)
		})
	}
}

func TestBackfillMistakes(t *testing.T) {
	t.Parallel()
	for want, entry := range map[string]manifest.Backfill{
		"SQLSTATE 42P01": {Table: "nowhere", Set: "a = 1", Where: "a IS NULL", Batch: 10},
		"SQLSTATE 42703": {Table: "t", Set: "nosuch = 1", Where: "a IS NULL", Batch: 10},
		"SQLSTATE 22P02": {Table: "t", Set: "a = b::int", Where: "a IS NULL", Batch: 10},
		"SQLSTATE 42601": {Table: "t", Set: "a = 1", Where: "a IS NULL AND", Batch: 10},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			tb := newSmall(t)
			start := tb.SchemaDump()
			tb.Spec.Backfill = []manifest.Backfill{entry}
			r := tb.attempt(column(tb, "t"))
			err := r.Expand(context.Background())
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "fill table "+entry.Table) || strings.Contains(err.Error(), "4929") {
				t.Errorf("error %v", err)
			}
			must(t, r.Converge(context.Background(), manifest.Old, 0))
			tb.Same("schemas", tb.SchemaDump(), start)
		})
	}
}

// TestBackfillIsCancelledInItsPause: the admin's wish to go back does not wait for it.
func TestBackfillIsCancelledInItsPause(t *testing.T) {
	t.Parallel()
	tb := newSmall(t)
	tb.Exec("INSERT INTO t (b) SELECT 'x' FROM generate_series(1, 100)")
	tb.Spec.Backfill = []manifest.Backfill{{Table: "t", Set: "a = 1", Where: "a IS NULL", Batch: 10, Pause: manifest.Duration(time.Hour)}}
	r := tb.attempt(column(tb, "t"))
	ctx, cancel := context.WithCancel(context.Background())
	r.Progress = func(string, int64, int64) { cancel() }
	if err := r.Expand(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	tb.Want("SELECT count(*) FROM t WHERE a = 1", "10")
}

// TestRowThatIsHeldInTheWindow: somebody whom nothing stopped holds a row of the last
// few; it is waited for as long as the lock's limit says, and told.
func TestRowThatIsHeldInTheWindow(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := newSmall(t)
	tb.Spec.Backfill = []manifest.Backfill{{Table: "t", Set: "a = 1", Where: "a IS NULL", Batch: 10}}
	r := tb.attempt(column(tb, "t"))
	must(t, r.Expand(ctx))
	tb.Exec("UPDATE t SET a = NULL")
	hold, err := tb.Super.Begin()
	must(t, err)
	_, err = hold.Exec("SELECT 1 FROM t FOR UPDATE")
	must(t, err)
	err = r.Converge(ctx, manifest.New, 0)
	if database.Code(err) != "55P03" || !strings.Contains(err.Error(), "fill table t") || !strings.Contains(err.Error(), "locks on tables are held by process") {
		t.Errorf("error %v", err)
	}
	must(t, hold.Rollback())
	must(t, r.Converge(ctx, manifest.New, 0))
	tb.Want("SELECT count(*) FROM t WHERE a = 1", "1")
}

// TestNoMigrations: a database without any is left alone.
func TestNoMigrations(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := newSmall(t)
	tb.Spec.Migrations = ""
	r := tb.attempt("/nowhere")
	must(t, r.Expand(ctx))
	must(t, r.Converge(ctx, manifest.New, 0))
	must(t, r.Converge(ctx, manifest.Old, 0))
	if n, err := r.Version(ctx); n != 0 || err != nil {
		t.Errorf("version %d, %v", n, err)
	}
	tb.Want("SELECT count(*) FROM pg_namespace WHERE nspname = 'cloudify_upgrade'", "0")
}

// TestFolderThatLacks: nothing is done to the database.
func TestFolderThatLacks(t *testing.T) {
	t.Parallel()
	tb := newSmall(t)
	r := tb.attempt("/nowhere")
	for _, err := range []error{r.Expand(context.Background()), r.Converge(context.Background(), manifest.New, 0)} {
		if err == nil || !strings.Contains(err.Error(), "read the migrations") {
			t.Errorf("error %v", err)
		}
	}
	tb.Want("SELECT count(*) FROM pg_namespace WHERE nspname = 'cloudify_upgrade'", "0")
}

// TestWhatAMigrationsErrorSays about the files before it.
func TestWhatAMigrationsErrorSays(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	for want, e := range map[string]*Error{
		"apply migration x.sql: cause; nothing of this file was kept; no other file was done before it in this run":                                  {File: "x.sql", Err: cause},
		"take back migration x.sql, statement 2 (DROP y): cause; nothing of this file was kept; done before it in this run: a.sql":                   {File: "x.sql", Down: true, Statement: 2, Text: "DROP y", Did: []string{"a.sql"}, Err: cause},
		"apply migration x.sql: cause; an unfinished index of it may be left, which the next run drops; done before it in this run: 2 files, a to b": {File: "x.sql", Kept: true, Did: []string{"a", "b"}, Err: cause},
		"apply migration x.sql: context canceled; the session ended, so this file may have been done or not, the next run sees which; no other file was done before it in this run": {
			File: "x.sql", Err: context.Canceled},
	} {
		if e.Error() != want || !errors.Is(e, e.Err) {
			t.Errorf("got %q, want %q", e.Error(), want)
		}
	}
}
