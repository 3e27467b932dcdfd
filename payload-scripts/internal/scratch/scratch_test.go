package scratch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/dump"
	"onerpm/test/product/testbed"
	"onerpm/test/script"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// attempt opens the database as the engine does.
func attempt(tb *testbed.Bed) *database.DB {
	tb.Helper()
	db, err := database.Open(context.Background(), tb.Spec, testbed.Prefix, "a1", manifest.Limits{})
	tb.Must(err)
	tb.Cleanup(db.Close)
	return db
}

// folder is one that the server's user comes through, as /var/lib is.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "scratch-test-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TestCopy: rows, rights and roles are those of the product's server, which has no part in
// what is done to the copy; nothing is left.
func TestCopy(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := testbed.Small(t)
	tb.AsSuper("CREATE TABLE theirs (id int); GRANT SELECT ON theirs TO cloudify")
	db, dir := attempt(tb), folder(t)
	tb.Must(Available(ctx, db))
	file := filepath.Join(dir, "x.dump")
	tb.Must(dump.Write(ctx, db, file))
	server, err := Make(ctx, db, dir, file)
	tb.Must(err)
	copied, err := server.Open(ctx)
	tb.Must(err)
	rows, err := Rows(ctx, copied)
	tb.Must(err)
	if len(rows) != 2 || rows[0] != (Table{"public.t", 1}) || rows[1] != (Table{"public.theirs", 0}) {
		t.Errorf("rows %+v", rows)
	}
	for query, want := range map[string]string{
		"SELECT tableowner FROM pg_tables WHERE tablename = 'theirs'": "super",
		"SELECT has_table_privilege('theirs', 'SELECT')":              "true",
		"SELECT current_user":                                                   "cloudify",
		"SELECT current_setting('synchronous_commit')":                          "local",
		"SELECT count(*) FROM pg_roles WHERE rolname = 'cloudify' AND rolsuper": "0",
	} {
		if got, err := copied.Value(ctx, query); err != nil || got != want {
			t.Errorf("%s: %q, %v", query, got, err)
		}
	}
	if _, err := copied.Pool.ExecContext(ctx, "DROP TABLE t"); err != nil {
		t.Error(err)
	}
	tb.Want("SELECT count(*) FROM t", "1")
	copied.Close()
	tb.Must(server.Close())
	tb.Must(server.Close())
	if _, err := os.Stat(server.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left over: %v", err)
	}
}

// TestNew: an empty database for one that is not there yet, of which nothing is left.
func TestNew(t *testing.T) {
	t.Parallel()
	ctx, dir := context.Background(), folder(t)
	spec := Spec{Database: manifest.Database{Name: "main", Programs: []string{testbed.Server.Bin}}, Prefix: testbed.Prefix,
		To: connection.Address{Host: "nowhere.example", Port: 5432, Database: "cloud \"db", User: "cloud-user", Password: "S3cret"}}
	server, err := New(ctx, spec, dir)
	if err != nil {
		t.Fatal(err)
	}
	db, err := server.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"SELECT current_user || ' ' || current_database()":                                         `cloud-user cloud "db`,
		"SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()": "UTF8",
		"SELECT count(*) FROM pg_roles WHERE rolname = current_user AND rolsuper":                  "0",
	} {
		if got, err := db.Value(ctx, query); err != nil || got != want {
			t.Errorf("%s: %q, %v", query, got, err)
		}
	}
	if _, err := db.Pool.ExecContext(ctx, "CREATE SCHEMA own; CREATE TABLE public.t (id int)"); err != nil {
		t.Error(err)
	}
	db.Close()
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 1 { // its log, for the rehearsal
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestDumpThatCannotBeRestored(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tb := testbed.Small(t)
	dir := folder(t)
	file := filepath.Join(dir, "x.dump")
	tb.Must(os.WriteFile(file, []byte("PGDMP but no dump"), 0o600))
	_, err := Make(ctx, attempt(tb), dir, file)
	if err == nil || !strings.Contains(err.Error(), "restore the dump") || strings.Contains(err.Error(), testbed.Password) {
		t.Errorf("error %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left over: %v", left)
	}
}

// TestClientProgramsOnly: where no server's programs are, there is no copy.
func TestClientProgramsOnly(t *testing.T) {
	tb := testbed.Small(t)
	dir := t.TempDir()
	for _, name := range []string{"pg_dump", "pg_restore"} {
		tb.Must(script.Write(filepath.Join(dir, name), "#!/bin/sh\nexec "+filepath.Join(testbed.Server.Bin, name)+" \"$@\"\n"))
	}
	usual := dump.Folders
	dump.Folders = []string{dir}
	defer func() { dump.Folders = usual }()
	if err := Available(context.Background(), attempt(tb)); !errors.Is(err, ErrNoServer) || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v", err)
	}
}
