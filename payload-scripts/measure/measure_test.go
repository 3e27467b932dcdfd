package measure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/manifest"
	"onerpm/test/product/pgserver"
)

var postgres *pgserver.Server

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	var err error
	code := 1
	if postgres, err = pgserver.StartWith(context.Background(), pgserver.Options{Settings: []string{"fsync=on"}}); err == nil {
		code = m.Run()
		err = postgres.Stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// world is a database with a table that grows, one that does not, and a jump.
type world struct {
	*testing.T
	name string
	o    Options
}

const oldSchema = `CREATE TABLE v (version text); INSERT INTO v VALUES ('1');
	CREATE TABLE grows (id serial PRIMARY KEY, a int NOT NULL); INSERT INTO grows (a) SELECT i FROM generate_series(1, 5000) i;
	CREATE TABLE kinds (id int, name text); INSERT INTO kinds VALUES (1, 'one'), (2, 'two')`

// good are the migrations of a jump with nothing wrong; a test puts others beside them.
var good = map[string]string{
	"1_expand_column.sql":   "-- +goose Up\nALTER TABLE grows ADD b int;\n-- +goose Down\nALTER TABLE grows DROP b;\n",
	"2_expand_index.sql":    "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY grows_b ON grows (b);\n-- +goose Down\nDROP INDEX CONCURRENTLY grows_b;\n",
	"90_switch_version.sql": "-- +goose Up\nUPDATE v SET version = '2';\n-- +goose Down\nUPDATE v SET version = '1';\n",
}

func newWorld(t *testing.T, more map[string]string) *world {
	t.Helper()
	ctx := context.Background()
	name, err := postgres.NewDatabase(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, name: name}
	w.exec(oldSchema)
	dir := t.TempDir()
	for _, files := range []map[string]string{good, more} {
		for file, text := range files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.o = Options{DSN: postgres.DSN(name), Prefix: "x-upgrade", Note: func(string) {}, Limits: manifest.Limits{LockTimeout: manifest.Duration(time.Second)},
		Database: manifest.Database{Name: name, Migrations: dir, Expects: &manifest.Expects{Query: "SELECT version FROM v", Value: "1"},
			Becomes: &manifest.Expects{Query: "SELECT version FROM v", Value: "2"}}}
	return w
}

// session works in one of its own: the database can be copied when nobody else is in it.
func (w *world) session(work func(context.Context, *pgx.Conn) error) {
	w.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, postgres.DSN(w.name))
	if err == nil {
		err = errors.Join(work(ctx, conn), conn.Close(ctx))
	}
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) exec(sql string) {
	w.Helper()
	w.session(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql)
		return err
	})
}

func (w *world) value(sql string) (s string) {
	w.Helper()
	w.session(func(ctx context.Context, conn *pgx.Conn) error { return conn.QueryRow(ctx, sql).Scan(&s) })
	return s
}

func (w *world) run() *Result {
	w.Helper()
	r, err := Run(context.Background(), w.o)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// TestNothingWrong: the database itself is left alone, and the copy goes.
func TestNothingWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.o.Database.Backfill = []manifest.Backfill{{Table: "grows", Set: "b = a", Where: "b IS NULL", Batch: 1000}}
	copyName := w.o.scratchName()
	w.exec("CREATE DATABASE " + copyName) // a killed run's
	r := w.run()
	if len(r.Mistakes) > 0 || len(r.Findings) > 0 || r.Database != w.name || !strings.HasPrefix(r.Server, w.value("SELECT split_part(version(), ' ', 2)")) {
		t.Errorf("%+v", r)
	}
	var did []string
	for _, s := range r.Statements {
		did = append(did, fmt.Sprintf("%s down=%v locks=%v scanned=%v rewritten=%v unknown=%v", s.File, s.Down, s.Locks, s.Scanned, s.Rewritten, s.Unknown))
	}
	want := []string{
		"1_expand_column.sql down=false locks=[{grows AccessExclusiveLock}] scanned=[] rewritten=[] unknown=false",
		"2_expand_index.sql down=false locks=[] scanned=[] rewritten=[] unknown=true",
		"90_switch_version.sql down=false locks=[] scanned=[v] rewritten=[] unknown=false",
		"90_switch_version.sql down=true locks=[] scanned=[v] rewritten=[] unknown=false",
		"2_expand_index.sql down=true locks=[] scanned=[] rewritten=[] unknown=true",
		"1_expand_column.sql down=true locks=[{grows AccessExclusiveLock}] scanned=[] rewritten=[] unknown=false",
	}
	if !slices.Equal(did, want) {
		t.Errorf("statements:\n%s\nwant\n%s", strings.Join(did, "\n"), strings.Join(want, "\n"))
	}
	if got := w.value("SELECT version || ' ' || (SELECT count(*) FROM pg_attribute WHERE attrelid = 'grows'::regclass AND attname = 'b') FROM v"); got != "1 0" {
		t.Errorf("the database itself was changed: %s", got)
	}
	if got := w.value("SELECT count(*)::text FROM pg_database WHERE datname = '" + copyName + "'"); got != "0" {
		t.Error("the copy is still there")
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	migration := func(up, down string) string {
		return "-- +goose Up\n-- why\n" + up + "\n-- +goose Down\n" + down + "\n"
	}
	for _, c := range []struct {
		name, file, text string
		small            []string
		want             []string // file:line: part of what
	}{
		{"a rewrite while the old release serves", "3_expand_more.sql",
			migration("ALTER TABLE grows ADD c timestamptz DEFAULT clock_timestamp();", "ALTER TABLE grows DROP c;"), nil,
			[]string{"3_expand_more.sql:3: rewrites grows while the old release serves: ALTER TABLE grows ADD c"}},
		{"an index that keeps writers out", "3_expand_more.sql",
			migration("CREATE INDEX grows_a ON grows (a);", "DROP INDEX grows_a;"), nil,
			[]string{"3_expand_more.sql:3: reads grows from end to end, and keeps the old release from writing to grows meanwhile: CREATE INDEX"}},
		{"a constraint that is looked for in the window", "91_switch_more.sql",
			migration("SELECT 1;\nALTER TABLE grows\n  ADD CONSTRAINT positive CHECK (a > 0);", "ALTER TABLE grows DROP CONSTRAINT positive;"), nil,
			[]string{"91_switch_more.sql:4: reads grows from end to end in the window: ALTER TABLE grows ADD CONSTRAINT"}},
		{"rows that are asked for in the window", "91_switch_more.sql",
			migration("UPDATE grows SET a = a + 1 WHERE a % 2 = 0;", "SELECT 1;"), nil,
			[]string{"91_switch_more.sql:3: reads grows from end to end in the window: UPDATE grows"}},
		{"a rewrite in the window, of the way back", "91_switch_more.sql",
			migration("SELECT 1;", "ALTER TABLE grows ALTER a TYPE bigint; ALTER TABLE grows ALTER a TYPE int;"), nil,
			[]string{"91_switch_more.sql:5: rewrites grows in the window"}},
		{"no transaction in the window", "91_switch_more.sql",
			"-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY grows_a ON grows (a);\n-- +goose Down\nSELECT 1;\n", nil,
			[]string{"91_switch_more.sql:3: runs outside a transaction in the window", "91_switch_more.sql:5: runs outside a transaction in the window"}},
		{"a Down that does not give back", "3_expand_more.sql",
			migration("ALTER TABLE grows ADD c int;", "SELECT 1;"), nil,
			[]string{":0: the way up and down does not give back the schema: + c integer",
				"3_expand_more.sql:3: migrate up again: apply migration 3_expand_more.sql, statement 1"}},
		{"a statement that fails", "91_switch_more.sql",
			migration("SELECT 1;\nALTER TABLE lost ADD c int;", "SELECT 1;"), nil,
			[]string{"91_switch_more.sql:4: migrate up: apply migration 91_switch_more.sql, statement 2"}},
		{"a new schema that proves another", "91_switch_more.sql",
			migration("UPDATE v SET version = '3';", "UPDATE v SET version = '2';"), nil,
			[]string{":0: migrate up: after the migrations the schema is not the new release's"}},
		{"a table that does not grow", "91_switch_more.sql",
			migration("UPDATE grows SET a = a + 1; ALTER TABLE kinds ALTER id TYPE bigint;", "ALTER TABLE kinds ALTER id TYPE int;"), []string{"grows", "kinds"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]string{c.file: c.text})
			w.o.Database.Small = c.small
			var got []string
			for _, m := range w.run().Mistakes {
				got = append(got, fmt.Sprintf("%s:%d: %s", m.File, m.Line, m.What))
			}
			fit := len(got) == len(c.want)
			for i := 0; fit && i < len(got); i++ {
				fit = strings.HasPrefix(got[i], c.want[i])
			}
			if !fit {
				t.Errorf("mistakes:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

func TestDump(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	if err != nil || len(programs) == 0 {
		t.Fatalf("no pg_dump: %v", err)
	}
	empty, err := postgres.NewDatabase(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"plain", "custom"} {
		w.o.Dump = filepath.Join(t.TempDir(), format)
		if out, err := exec.Command(programs[len(programs)-1], "--format="+format, "--file="+w.o.Dump, "--dbname="+postgres.DSN(w.name)).CombinedOutput(); err != nil {
			t.Fatalf("pg_dump: %v\n%s", err, out)
		}
		w.o.DSN = postgres.DSN(empty)
		if r := w.run(); len(r.Mistakes) > 0 || len(r.Statements) != 6 {
			t.Errorf("%s: %+v", format, r)
		}
	}
	if err := os.WriteFile(w.o.Dump, []byte("CREATE TABLE x (y lost);"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.notUsable("load ")
	if err := os.WriteFile(w.o.Dump, []byte("\\connect postgres\nCREATE TABLE x (y int);\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if do := w.notUsable("line 1 leaves the database"); !strings.Contains(do, "without --create") {
		t.Errorf("to do: %s", do)
	}
}

// notUsable wants the database to be refused, and returns what to do.
func (w *world) notUsable(want string) (do string) {
	w.Helper()
	_, err := Run(context.Background(), w.o)
	var e *NotUsableError
	if !errors.As(err, &e) || !strings.Contains(err.Error(), want) || e.Do == "" {
		w.Fatalf("error %v, want %q", err, want)
	}
	if got := w.value("SELECT count(*)::text FROM pg_database WHERE datname = '" + w.o.scratchName() + "'"); got != "0" {
		w.Error("the copy is still there")
	}
	return e.Do
}

func TestNotUsable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.o.Database.Expects.Value = "0"
	w.notUsable("the schema is not the installed release's")
	w.o.Database.Expects.Value = "1"
	w.o.Database.Checks = filepath.Join(t.TempDir(), "checks.sql")
	if err := os.WriteFile(w.o.Database.Checks, []byte("-- name: odd\n-- why: it is odd\n-- do: nothing\nSELECT name FROM kinds WHERE id = 1;\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.notUsable("it is odd: name=one")
	dsn := w.o.DSN
	w.o.DSN = strings.Replace(dsn, "dbname=", "dbname=no", 1)
	w.notUsable("connect to database notest_")
	w.o.DSN = "password='s3cret-word host"
	w.notUsable("the address of the database cannot be read")
	if _, err := Run(context.Background(), w.o); strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the password is told: %v", err)
	}
}

// TestInterrupted: what was begun is taken away.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	w.o.Note = func(what string) {
		if what == "migrate down" {
			stop()
		}
	}
	if _, err := Run(ctx, w.o); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if got := w.value("SELECT count(*)::text FROM pg_database WHERE datname = '" + w.o.scratchName() + "'"); got != "0" {
		t.Error("the copy is still there")
	}
}
