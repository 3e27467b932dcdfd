package ddl_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"onerpm/bundler/internal/ddl"
	"onerpm/internal/manifest"
	"onerpm/test/product/pgserver"
)

// sources are the SQL that PostgreSQL is asked about too.
func sources(t *testing.T) map[string]string {
	t.Helper()
	list, err := filepath.Glob("testdata/*.sql")
	if err != nil || len(list) < 2 {
		t.Fatalf("found %q, %v", list, err)
	}
	list = append(list, "../../../test/product/schema/4.0.1.sql")
	out := map[string]string{}
	for _, name := range list {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(name)] = string(text)
	}
	return out
}

// TestAgainstPostgreSQL compares what is read with what PostgreSQL's catalog says after the same statements.
func TestAgainstPostgreSQL(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	server, err := pgserver.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	for name, text := range sources(t) {
		database, err := server.NewDatabase(ctx)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := pgx.Connect(ctx, server.DSN(database))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.PgConn().Exec(ctx, text).ReadAll(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var s ddl.Schema
		s.Apply(name, 1, text)
		if len(s.Unread) > 0 {
			t.Errorf("%s: not read: %+v", name, s.Unread)
		}
		want := catalog(t, ctx, conn)
		if len(want) < 3 {
			t.Errorf("%s makes only %d tables", name, len(want))
		}
		for table, is := range want {
			got := s.Tables[table]
			if got == nil {
				t.Errorf("%s: table %s is not read", name, table)
				continue
			}
			if got.Primary != is.Primary || len(got.Order) != len(is.Columns) {
				t.Errorf("%s, table %s: the primary key is %q, want %q; columns in order %q", name, table, got.Primary, is.Primary, got.Order)
			}
			if !reflect.DeepEqual(got.Columns, is.Columns) {
				t.Errorf("%s, table %s:\ngot  %+v\nwant %+v", name, table, got.Columns, is.Columns)
			}
			for column, ref := range is.Refers {
				if r := got.Refers[column]; r.Table != ref.Table || r.Column != "" && r.Column != ref.Column {
					t.Errorf("%s, table %s, column %s refers to %+v, want %+v", name, table, column, r, ref)
				}
			}
			if len(got.Refers) != len(is.Refers) {
				t.Errorf("%s, table %s refers to %+v, want %+v", name, table, got.Refers, is.Refers)
			}
		}
		for table := range s.Tables {
			if want[table] == nil {
				t.Errorf("%s: there is no table %s", name, table)
			}
		}
		if err := conn.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}

// catalog asks PostgreSQL for all tables that are not its own.
func catalog(t *testing.T, ctx context.Context, conn *pgx.Conn) map[string]*ddl.Table {
	t.Helper()
	if _, err := conn.Exec(ctx, "SET search_path = public"); err != nil { // so the names of others have their schema
		t.Fatal(err)
	}
	rows, err := conn.Query(ctx, `SELECT CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname, a.attname, t.typname, a.attnotnull, a.atthasdef OR COALESCE(to_jsonb(a)->>'attidentity', '') <> '',
			CASE WHEN t.typname IN ('varchar', 'bpchar') AND a.atttypmod > 4 THEN a.atttypmod - 4 ELSE 0 END,
			EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indnatts = 1 AND i.indkey[0] = a.attnum AND i.indpred IS NULL),
			ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder),
			EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnatts = 1 AND i.indkey[0] = a.attnum),
			COALESCE((SELECT f.confrelid::regclass::text || ' ' || b.attname FROM pg_constraint f JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = f.confkey[1]
				WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.conkey = ARRAY[a.attnum]), '')
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid
		WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema)' AND a.attnum > 0 AND NOT a.attisdropped`)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*ddl.Table{}
	var table, column, refers string
	var f manifest.ColumnFact
	var primary bool
	if _, err := pgx.ForEachRow(rows, []any{&table, &column, &f.Type, &f.NotNull, &f.Default, &f.Length, &f.Unique, &f.Labels, &primary, &refers}, func() error {
		if all[table] == nil {
			all[table] = &ddl.Table{Columns: map[string]manifest.ColumnFact{}, Refers: map[string]ddl.Reference{}}
		}
		if len(f.Labels) == 0 {
			f.Labels = nil
		}
		all[table].Columns[column] = f
		if primary {
			all[table].Primary = column
		}
		f.Labels = nil
		if to, key, has := strings.Cut(refers, " "); has {
			all[table].Refers[column] = ddl.Reference{Table: to, Column: key}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestUnread(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"\n\nDO $$ BEGIN END $$":                      "do",
		"CREATE TABLE a AS SELECT 1":                  "create table a as",
		"CREATE TABLE a (LIKE b INCLUDING ALL)":       "create table a (",
		"CREATE TABLE a (b int) INHERITS (c)":         "create table a (",
		"CREATE TABLE a (b int INTERESTING)":          "create table a (",
		"ALTER TABLE t DROP CONSTRAINT t_pkey":        "alter table t drop",
		"ALTER TABLE t SET SCHEMA other":              "alter table t set",
		"ALTER TABLE t ADD x int, DROP CONSTRAINT y":  "alter table t add",
		"WITH x AS (SELECT 1) INSERT INTO t SELECT 1": "with x as (",
		"SELECT 1": "",
		"CREATE FUNCTION f() RETURNS int AS $$ ; $$":     "",
		"CREATE OR REPLACE VIEW v AS SELECT 1":           "",
		"ALTER TABLE other DROP CONSTRAINT other_pkey":   "", // not made here
		"ALTER TABLE t OWNER TO me; GRANT ALL ON t TO x": "",
		"-- nothing": "",
	} {
		var s ddl.Schema
		s.Apply("1.sql", 10, "CREATE TABLE t (n int);"+sql)
		switch {
		case want == "" && len(s.Unread) > 0, want != "" && len(s.Unread) != 1:
			t.Errorf("%q: got %+v", sql, s.Unread)
		case want != "" && (s.Unread[0].What != want || s.Unread[0].Line != 10+strings.Count(sql, "\n")):
			t.Errorf("%q: got %+v, want %q", sql, s.Unread[0], want)
		}
	}
}

func TestFilled(t *testing.T) {
	t.Parallel()
	var s ddl.Schema
	s.Apply("1.sql", 1, "CREATE TABLE a (n int); CREATE TABLE b (n int); CREATE TABLE c (n int);")
	s.Apply("2.sql", 1, "INSERT INTO public.a VALUES (1); COPY b FROM STDIN; INSERT INTO nowhere VALUES (1);")
	if s.Tables["a"].Filled != "2.sql" || s.Tables["b"].Filled != "2.sql" || s.Tables["c"].Filled != "" {
		t.Errorf("got %+v %+v %+v", s.Tables["a"], s.Tables["b"], s.Tables["c"])
	}
}

func FuzzApply(f *testing.F) {
	for _, seed := range []string{"CREATE TABLE a (b int[3], c", "ALTER TABLE t ADD", "CREATE TABLE", "CREATE TYPE x AS ENUM (", "ALTER TABLE t ALTER c SET DEFAULT", "CREATE UNIQUE INDEX ON t (", "ALTER TYPE t ADD VALUE",
		"CREATE TABLE t (a int REFERENCES b ON DELETE SET", "ALTER TABLE t RENAME TO", "DROP TABLE ,", "INSERT"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, sql string) {
		var s ddl.Schema
		s.Apply("1.sql", 1, "CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (c e);"+sql)
	})
}
