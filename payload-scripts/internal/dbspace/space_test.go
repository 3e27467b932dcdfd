package dbspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/test/product/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m, "max_wal_size=64MB") }

// attempt opens the database as the engine does.
func attempt(tb *testbed.Bed) *database.DB {
	tb.Helper()
	db, err := database.Open(context.Background(), tb.Spec, testbed.Prefix, "a1", manifest.Limits{})
	tb.Must(err)
	tb.Cleanup(db.Close)
	return db
}

// grown has a table of some megabytes.
func grown(t *testing.T) *testbed.Bed {
	t.Helper()
	tb := testbed.New(t)
	tb.Exec("CREATE TABLE grown (id serial PRIMARY KEY, a int, b text)")
	tb.Exec("INSERT INTO grown (a, b) SELECT i, repeat('x', 80) FROM generate_series(1, 20000) i")
	tb.Exec("ANALYZE grown")
	return tb
}

func (n Need) String() string { return fmt.Sprintf("%s %d", n.What, n.Bytes) }

// needs returns what a migration takes, without what is always left free and the log.
func needs(tb *testbed.Bed, up string) []Need {
	tb.Helper()
	dir := tb.Folder(map[string]string{"1_expand_x.sql": "-- +goose Up\n" + up + ";\n-- +goose Down\nSELECT 1;\n"})
	all, err := Needs(context.Background(), attempt(tb), dir)
	tb.Must(err)
	var list []Need
	for _, n := range all {
		if strings.Contains(n.What, "table") {
			list = append(list, n)
		}
	}
	return list
}

// TestNeedsAreEnough runs each statement, and sees that it takes no more than was said,
// and that what was said is not out of all proportion.
func TestNeedsAreEnough(t *testing.T) {
	t.Parallel()
	for sql, grows := range map[string]string{
		"ALTER TABLE grown ALTER a TYPE bigint":    "pg_total_relation_size('grown') / 2", // the new copy; the old one is gone at the end
		"CREATE INDEX grown_ab ON grown (a, b)":    "pg_relation_size('grown_ab')",
		"CREATE INDEX grown_a ON grown (a)":        "pg_relation_size('grown_a')",
		"CREATE INDEX grown_e ON grown (lower(b))": "0", // its width is not known
		"UPDATE grown SET a = a + 1":               "pg_total_relation_size('grown') / 2",
		"CREATE TABLE more AS SELECT * FROM grown": "pg_table_size('more')",
		"ALTER TABLE grown ADD UNIQUE (a)":         "pg_relation_size('grown_a_key')",
		"ALTER TABLE public.grown ADD c bigserial": "pg_total_relation_size('grown') / 2",
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			tb := grown(t)
			got := needs(tb, sql)
			if len(got) != 1 || got[0].Bytes <= 0 {
				t.Fatalf("needs %v", got)
			}
			if info, err := os.Stat(filepath.Join(got[0].Path, "PG_VERSION")); err != nil || info.IsDir() {
				t.Errorf("%s is no data folder", got[0].Path)
			}
			tb.Exec(sql)
			took, err := strconv.ParseInt(tb.Value("SELECT ("+grows+")::bigint"), 10, 64)
			tb.Must(err)
			if got[0].Bytes < took || took > 0 && got[0].Bytes > 10*took {
				t.Errorf("needs %v, took %d", got, took)
			}
		})
	}
}

func TestNothingNeeded(t *testing.T) {
	t.Parallel()
	tb := grown(t)
	for _, sql := range []string{"ALTER TABLE grown ADD c int", "CREATE TABLE fresh (a int); CREATE INDEX ON fresh (a)", "ALTER TABLE nowhere ADD c bigserial", "CREATE INDEX ON elsewhere.grown (a)"} {
		if got := needs(tb, sql); len(got) > 0 {
			t.Errorf("%s: %v", sql, got)
		}
	}
	before11 := tb.Value("SELECT current_setting('server_version_num')::int < 110000") == "true"
	if got := needs(tb, "ALTER TABLE grown ADD c int DEFAULT 1"); (len(got) > 0) != before11 {
		t.Errorf("a default needs %v", got)
	}
	if all, err := Needs(context.Background(), attempt(tb), ""); err != nil || len(all) > 0 {
		t.Errorf("without migrations %v, %v", all, err)
	}
}

func TestBackfillAndPartitions(t *testing.T) {
	t.Parallel()
	tb := grown(t)
	tb.Exec("CREATE TABLE part () INHERITS (grown)")
	tb.Exec("INSERT INTO part (a, b) SELECT i, repeat('x', 80) FROM generate_series(1, 20000) i")
	total, err := strconv.ParseInt(tb.Value("SELECT pg_total_relation_size('grown') + pg_total_relation_size('part')"), 10, 64)
	tb.Must(err)
	for _, name := range []string{"grown", "public.grown"} {
		tb.Spec.Backfill = []manifest.Backfill{{Table: name, Set: "a = 1", Where: "a IS NULL"}}
		got := needs(tb, "SELECT 1")
		if len(got) != 1 || got[0].Bytes < total*9/10 || got[0].Bytes > total*2 {
			t.Errorf("%s: needs %v, the tables have %d", name, got, total)
		}
	}
}

// TestLog: the write-ahead log is recycled, unless somebody must read it first.
func TestLog(t *testing.T) {
	t.Parallel()
	server, err := testbed.Start("max_wal_size=64MB", "wal_level=logical", "max_replication_slots=2")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	tb := testbed.On(t, server)
	log := func(written int64) Need {
		t.Helper()
		db := attempt(tb)
		data, here, err := Folder(context.Background(), db)
		if err != nil || !here {
			t.Fatalf("the server's folder: %v", err)
		}
		n, err := kept(context.Background(), db, logFolder(data), written)
		tb.Must(err)
		return n
	}
	if n := log(1 << 40); n.Bytes <= 0 || n.Bytes > 64<<20 || !strings.HasPrefix(filepath.Base(n.Path), "pg_") {
		t.Errorf("%+v", n)
	}
	if n := log(1000); n.Bytes != 1000 {
		t.Errorf("%+v", n)
	}
	tb.AsSuper("SELECT pg_create_physical_replication_slot('away')")
	if n := log(1 << 40); n.Bytes != 1<<40 || !strings.Contains(n.What, "replication slot") {
		t.Errorf("%+v", n)
	}
}

// TestServerElsewhere: a process of that number may be here too, and be something else.
func TestServerElsewhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "postmaster.pid"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]bool{
		"42\n/data\n1700000000\n5432\n":  true,
		"42\n/data\n1700000042\n 5432\n": true,
		"42\n/data\n1700000061\n5432\n":  false,
		"42\n/data\n1700000000\n5433\n":  false,
		"42\n/data\nx\n5432\n":           false,
		"42\n":                           false,
	} {
		write(text)
		if got := serves(dir, "5432", 1700000000); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if serves(t.TempDir(), "5432", 1) {
		t.Error("a folder without a server serves")
	}
	piped := t.TempDir() // of whoever wants us to wait
	if err := unix.Mkfifo(filepath.Join(piped, "postmaster.pid"), 0o600); err != nil {
		t.Fatal(err)
	}
	if serves(piped, "5432", 1) {
		t.Error("a pipe is a server's note")
	}
	if dir := logFolder(dir); dir == "" {
		t.Error("no folder")
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	paths := Disks(t.TempDir())
	errWork := errors.New("it failed")
	if err := Guard(ctx, paths, 0, func(context.Context) error { return nil }); err != nil {
		t.Errorf("error %v", err)
	}
	if err := Guard(ctx, paths, 0, func(context.Context) error { return errWork }); !errors.Is(err, errWork) {
		t.Errorf("error %v", err)
	}
	wait := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	var full *FullError
	if err := Guard(ctx, append([]string{"/nowhere"}, paths...), 1<<60, wait); !errors.As(err, &full) || !strings.Contains(err.Error(), "free space there, then start again") {
		t.Errorf("error %v", err)
	}
	// Work that ended well in spite of it did not fail.
	if err := Guard(ctx, paths, 1<<60, func(ctx context.Context) error { <-ctx.Done(); return nil }); err != nil {
		t.Errorf("error %v", err)
	}
	stopped, stop := context.WithCancel(ctx)
	time.AfterFunc(time.Millisecond, stop)
	if err := Guard(stopped, paths, 0, wait); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
