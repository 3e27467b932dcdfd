package database

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/manifest"
	"onerpm/test/product/testbed"
)

// odd are names as a DBA may have chosen them.
var odd = []string{"Lantern-DB", "with blank", `quote'd`, `back\slash`, `double"quote`, "dollar$1", "ünïcode", "a=b", "percent%20", "semi;colon"}

// TestOddNames: database, role and schema may be called anything.
func TestOddNames(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := testbed.New(t)
	for _, name := range odd {
		role(tb, name)
		quoted := pgx.Identifier{name}.Sanitize()
		tb.AsSuper("CREATE DATABASE " + quoted + " OWNER " + quoted)
		t.Cleanup(func() { _, _ = tb.Super.Exec("DROP DATABASE " + quoted) })
		to, err := ReadAddress(tb.Spec.Connection)
		must(t, err)
		to.User, to.Database = name, name
		db, err := OpenAt(ctx, tb.Spec, to, testbed.Prefix, "a1", manifest.Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := db.Value(ctx, "SELECT current_database() || '|' || current_user"); err != nil || got != name+"|"+name {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if db.User() != name || db.Database() != name || strings.Contains(db.String(), testbed.Password) {
			t.Errorf("%s: told as %s", name, db)
		}
		env := strings.Join(db.ClientEnv("/pass"), "\n")
		if !strings.Contains(env, "PGDATABASE="+name+"\n") || !strings.Contains(env, "PGUSER="+name+"\n") || strings.Contains(env, testbed.Password) {
			t.Errorf("%s: environment %s", name, env)
		}
		db.Close()
	}
}

// TestPassFile: PostgreSQL's programs take it apart at colons and backslashes.
func TestPassFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		to   connection.Address
		want string
	}{
		{connection.Address{Host: "db", Port: 5432, Database: "d", User: "u", Password: "p"}, "db:5432:d:u:p\n"},
		{connection.Address{Host: "::1", Port: 5433, Database: `a:b\c`, User: "u u", Password: `p:w\d`}, `\:\:1:5433:a\:b\\c:u u:p\:w\\d` + "\n"},
		{connection.Address{Host: "/var/run/postgresql", Port: 5432, Database: "d", User: "u", Password: "p"}, "*:5432:d:u:p\n"},
	} {
		dir := t.TempDir()
		file, err := (&DB{to: c.to}).PassFile(dir)
		must(t, err)
		text, err := os.ReadFile(file)
		must(t, err)
		info, err := os.Stat(file)
		must(t, err)
		if string(text) != c.want || info.Mode().Perm() != 0o600 {
			t.Errorf("%q with mode %v, want %q", text, info.Mode(), c.want)
		}
		if found, err := filepath.Glob(filepath.Join(dir, PassPattern)); err != nil || len(found) != 1 {
			t.Errorf("it is not found by its pattern: %v, %v", found, err)
		}
	}
	if _, err := (&DB{}).PassFile(filepath.Join(t.TempDir(), "nowhere")); err == nil {
		t.Error("it was written into a folder that is not there")
	}
}

func TestReadAddressMistakes(t *testing.T) {
	t.Parallel()
	large := filepath.Join(t.TempDir(), "large")
	must(t, os.WriteFile(large, make([]byte, maxConfig+1), 0o600))
	broken := filepath.Join(t.TempDir(), "broken")
	must(t, os.WriteFile(broken, []byte("password: s3cret\nhost: ["), 0o600))
	for file, want := range map[string]string{
		large:      "more than",
		broken:     broken,
		"/nowhere": "no such file",
		"/etc":     "is a directory",
	} {
		_, err := ReadAddress(manifest.Connection{File: file, Format: "yaml", Keys: manifest.ConnectionKeys{Host: "host", Database: "d", User: "u"}})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: error %v", file, err)
		}
	}
}

// TestTerminate ends the sessions that earlier processes of this attempt left, and no other.
func TestTerminate(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := testbed.New(t)
	open := func(prefix, attempt string) *DB {
		t.Helper()
		db, err := Open(ctx, tb.Spec, prefix, attempt, manifest.Limits{})
		must(t, err)
		t.Cleanup(db.Close)
		return db
	}
	now := open("p", "a1")
	left, others := []*DB{open("p", "a1"), open("p", "a1")}, []*DB{open("p", "a12"), open("p", "a2"), open("q", "a1"), open("p a1x", "")}
	must(t, now.Terminate(ctx))
	count := func(db *DB) string {
		return tb.Value("SELECT count(*) FROM pg_stat_activity WHERE application_name = '" + db.Name + "'")
	}
	for _, db := range left {
		if got := count(db); got != "0" {
			t.Errorf("%s: %s sessions are left", db.Name, got)
		}
	}
	for _, db := range append(others, now) {
		if got := count(db); got != "1" {
			t.Errorf("%s: %s sessions", db.Name, got)
		}
	}
	must(t, now.Terminate(ctx))
	stopped, stop := context.WithCancel(ctx)
	stop()
	if err := now.Terminate(stopped); err == nil {
		t.Error("a cancelled one is no error")
	}
}

// TestErrorsHoldNoRows: what PostgreSQL quotes of the data is left out, what helps is not.
func TestErrorsHoldNoRows(t *testing.T) {
	t.Parallel()
	tb := testbed.Small(t)
	tb.Exec("CREATE UNIQUE INDEX t_b ON t (b)")
	tb.Exec("ALTER TABLE t ALTER id SET NOT NULL")
	db := attempt(tb)
	for sql, want := range map[string]string{
		"INSERT INTO t (b) VALUES ('card 4929-1234')":             "unique constraint \"t_b\"",
		"INSERT INTO t (id, b) VALUES (NULL, 'card 4929-1234 x')": "column \"id\"",
		"SELECT 'card 4929-1234'::int":                            "a value does not fit (PostgreSQL's own log shows it)",
		"SELECT nosuch":                                           "column \"nosuch\" does not exist",
	} {
		_, err := db.Pool.Exec(sql)
		err = Explain(Explain(err))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "4929") || !strings.HasPrefix(err.Error(), "SQLSTATE ") {
			t.Errorf("%s: error %v", sql, err)
		}
	}
	if Explain(nil) != nil || Code(nil) != "" {
		t.Error("no error is one")
	}
}

// TestBeside opens a copy on another server with the same name and limits.
func TestBesideThatIsNotThere(t *testing.T) {
	t.Parallel()
	db := attempt(testbed.New(t))
	beside, err := db.OpenCopy(context.Background(), t.TempDir(), "cloudify", "x")
	if err == nil || !strings.Contains(err.Error(), "connect to database x") {
		t.Errorf("%v, error %v", beside, err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	tb := testbed.New(t)
	tb.Exec("CREATE TABLE many AS SELECT i, repeat('ü', 100) AS long, E'two\\nlines' AS text, NULL AS nothing FROM generate_series(1, 30) i")
	rows, err := tb.SQL.Query("SELECT * FROM many ORDER BY i")
	must(t, err)
	defer rows.Close()
	got, err := Texts(rows, RowsShown+1)
	must(t, err)
	text := got.String()
	if len(got.Rows) != RowsShown+1 || strings.Count(text, "i=") != RowsShown || !strings.HasSuffix(text, "and more") {
		t.Errorf("%d rows: %s", len(got.Rows), text)
	}
	if !strings.HasPrefix(text, "i=1 long="+strings.Repeat("ü", 60)+"... text=two lines nothing=NULL; i=2 ") {
		t.Errorf("shown as %s", text)
	}
	if short := Short(" a\n b " + strings.Repeat("ü", 300)); len([]rune(short)) != 163 || !strings.HasPrefix(short, "a b ü") {
		t.Errorf("shortened to %s", short)
	}
}
