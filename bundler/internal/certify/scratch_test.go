package certify

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"onerpm/bundler/internal/picture"
	"onerpm/internal/manifest"
	"onerpm/test/need"
	"onerpm/test/product/pgserver"
)

// migrations of a bundle: one that expands, one outside of a transaction, one with a function, one that switches.
var testMigrations = map[string]string{
	"1_expand_m.sql":      "-- +goose Up\nalter table a add column m int;\n-- +goose Down\nalter table a drop column m;\n",
	"2_expand_index.sql":  "-- +goose NO TRANSACTION\n-- +goose Up\ncreate index concurrently by_m on a (m);\n-- +goose Down\ndrop index by_m;\n",
	"10_switch_f.sql":     "-- +goose Up\n-- +goose StatementBegin\ncreate function f() returns int language plpgsql as $$ begin return 1; end $$;\n-- +goose StatementEnd\n-- +goose Down\ndrop function f();\n",
	"11_switch_gone.sql":  "-- +goose Up\nalter table a drop column gone;\nalter table a alter m set not null;\n-- +goose Down\nalter table a add column gone text;\n",
	"9_expand_second.sql": "-- +goose Up\nselect 1;\n-- +goose Down\nselect 1;\n",
}

// A database is compared with what the migrations make of a copy, on a server of its own that is gone afterwards.
func TestMigrated(t *testing.T) {
	t.Parallel()
	need.Root(t)
	server, err := pgserver.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	name, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), server.DSN(name))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec(`create role "odd ""one" login; create table a (id serial primary key, n int, gone text); insert into a (n, gone) values (1, 'x'), (2, null);
		create table b (t text); insert into b values ('y'); alter table b owner to "odd ""one"; grant select on a to "odd ""one"`)
	m := demo()
	m.Prefix = fmt.Sprintf("certify-test-%d", os.Getpid())
	folder := "/opt/" + m.Prefix + "/" + m.To + "/migrations/main"
	r := &run{machine: here, m: m}
	t.Cleanup(func() {
		if err := errors.Join(os.RemoveAll("/opt/"+m.Prefix), os.RemoveAll(r.dir())); err != nil {
			t.Error(err)
		}
	})
	conf := filepath.Join(t.TempDir(), "demo.conf")
	text := fmt.Sprintf("host: '%s'\nname: %s\nuser: super\npassword: x\n", server.Address(), name)
	if err := errors.Join(os.MkdirAll(folder, 0o755), os.MkdirAll(r.dir(), 0o700), os.WriteFile(conf, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	for file, sql := range testMigrations {
		m.Files = append(m.Files, manifest.File{Path: "migrations/main/" + file})
		if err := os.WriteFile(filepath.Join(folder, file), []byte(sql), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db := manifest.Database{Name: "main", Migrations: "migrations/main", Backfill: []manifest.Backfill{{Table: "a", Set: "m = n + 10", Where: "m is null"}},
		Connection: manifest.Connection{File: conf, Format: "yaml", Keys: manifest.ConnectionKeys{Host: "host", Database: "name", User: "user", Password: "password"}}}
	m.Databases = []manifest.Database{db}
	if err := r.dumpDatabases(t.Context()); err != nil {
		t.Fatal(err)
	}
	exec(`insert into b values ('later'); delete from b where t = 'later'`)
	exec(`alter table a add column m int`)
	exec(`create index by_m on a (m); update a set m = n + 10; create function f() returns int language plpgsql as $$ begin return 1; end $$`)
	exec(`alter table a drop column gone; alter table a alter m set not null`)
	all, err := r.migrated(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	compare := func() string {
		t.Helper()
		now, err := r.lookDatabase(t.Context(), db, r.addresses["main"])
		if err != nil {
			t.Fatal(err)
		}
		var f faults
		f.database("main", all["main"], now, made, picture.NewLeftOut(m.Prefix, nil, manifest.New))
		return strings.Join(f, "|")
	}
	if f := compare(); f != "" {
		t.Errorf("it is what the migrations make, and yet: %s", f)
	}
	exec(`update a set n = 7 where n = 1; drop index by_m; alter table b owner to super`)
	f := compare()
	for _, want := range []string{"table main public.a has other values in column n", "INDEX public.by_m is missing", `"owner super", should be "owner odd`} {
		if !strings.Contains(f, want) {
			t.Errorf("it does not say %q: %s", want, f)
		}
	}
	if _, err := os.Stat(r.scratchDir()); !os.IsNotExist(err) {
		t.Errorf("the copy is left: %v", err)
	}
	// a migration that fails is named
	if err := os.WriteFile(filepath.Join(folder, "9_expand_second.sql"), []byte("-- +goose Up\nselect 1/0;\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.migrated(t.Context()); err == nil || !strings.Contains(err.Error(), "division by zero") || !strings.Contains(err.Error(), "9_expand_second.sql") {
		t.Errorf("a migration that fails: %v", err)
	}
}
