package certify

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"onerpm/bundler/internal/picture"
	"onerpm/internal/hostconf/connection"
	"onerpm/internal/hostconf/hostconftest"
	"onerpm/internal/manifest"
	"onerpm/test/product/pgserver"
)

// The rows and the schema of a real database, by a user whose password every shell would trip over.
func TestLookDatabases(t *testing.T) {
	t.Parallel()
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
	exec(`create type colour as enum ('red', 'green');
		create table "Odd ""name" (id int primary key, c colour default 'red'); insert into "Odd ""name" values (1), (2);
		create table plain (t text); insert into plain values ('a'), ('b'), (null);
		create schema demo_upgrade; create table demo_upgrade.migrations (id int);
		create view seen as select * from plain`)
	const password = `it's "$HOME" \ |`
	conf := filepath.Join(t.TempDir(), "demo.conf")
	text := fmt.Sprintf("db:\n  host: '%s'\n  name: %s\nuser: super\npassword: '%s'\n", server.Address(), name, strings.ReplaceAll(password, "'", "''"))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m := demo()
	m.Databases = []manifest.Database{{Name: "main", Connection: manifest.Connection{File: conf, Format: "yaml",
		Keys: manifest.ConnectionKeys{Host: "db.host", Database: "db.name", User: "user", Password: "password"}},
		Expects: &manifest.Expects{Query: "select count(*) from plain", Value: "3"}, Becomes: &manifest.Expects{Query: "select 1/0", Value: "4"}}}
	r := &run{machine: here, m: m}
	if a, err := r.address(t.Context(), m.Databases[0]); err != nil || a.Password != password || int(a.Port) != server.Port {
		t.Errorf("the address is %+v, %v", a, err)
	}
	exec(`create table counted (id serial primary key, n int); insert into counted (n) values (7), (8); create role reader`)
	look := func() contents {
		t.Helper()
		c, err := r.lookDatabase(t.Context(), m.Databases[0], r.addresses["main"])
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := look()
	if len(before.tables) != 3 || before.tables["public.plain"].rows != 3 || before.tables[`public.Odd "name`].rows != 2 || len(before.tables[`public.Odd "name`].columns) != 2 {
		t.Errorf("tables: %+v", before.tables)
	}
	if got := before.schema[`TABLE public.Odd "name`]; !strings.Contains(got, "c public.colour DEFAULT 'red'::public.colour") || !strings.HasPrefix(got, "owner super\n") {
		t.Errorf("a table is %q in %v", got, before.schema)
	}
	if got := before.sequences["public.counted_id_seq"]; got != (sequence{last: "2"}) {
		t.Errorf("a sequence is %+v", got)
	}
	compare := func() string {
		var f faults
		now := look()
		f.database("main", before, now, same, picture.NewLeftOut("demo-upgrade", nil, manifest.Old))
		f.roles("main", before, now, picture.NewLeftOut("demo-upgrade", nil, manifest.Old))
		return strings.Join(f, "\n")
	}
	if f := compare(); f != "" {
		t.Errorf("nothing happened, and yet: %v", f)
	}
	exec(`update plain set t = 'c' where t = 'a'; create index more on plain (t); alter table "Odd ""name" alter c set not null;
		grant select on plain to reader; select setval('counted_id_seq', 1); alter role reader superuser`)
	found := compare()
	for _, want := range []string{
		"table main public.plain has other values in column t",
		"INDEX public.more is there, and should not be",
		`TABLE public.Odd "name is another: "c public.colour DEFAULT 'red'::public.colour NOT NULL", should be "c public.colour DEFAULT 'red'::public.colour"`,
		"ACL public.TABLE plain is there, and should not be",
		"sequence main public.counted_id_seq stands at 1: below a value that public.counted.id has",
		`role reader is "superuser`,
	} {
		if !strings.Contains(found, want) {
			t.Errorf("it does not say %q:\n%s", want, found)
		}
	}
	if n := strings.Count(found, "\n"); n != 5 {
		t.Errorf("it says more:\n%s", found)
	}
	if f := r.proves(t.Context(), manifest.Old); len(f) > 0 {
		t.Errorf("the old schema: %v", f)
	}
	if f := r.proves(t.Context(), manifest.New); len(f) != 1 || !strings.Contains(f[0], "division by zero") || strings.Contains(f[0], "it's") {
		t.Errorf("a query that fails: %q", f)
	}
	exec(`create role outsider login`)
	other := r.addresses["main"]
	other.User = "outsider"
	if _, err := r.lookDatabase(t.Context(), m.Databases[0], other); err == nil || !strings.HasSuffix(err.Error(), " belongs to super, and outsider may not read it") {
		t.Errorf("a table that may not be read: %v", err)
	}
}

// TestAddress: certify reads an address as the engine does, once for a run: the new
// release may name the keys otherwise.
func TestAddress(t *testing.T) {
	t.Parallel()
	for _, c := range hostconftest.Addresses {
		file := filepath.Join(t.TempDir(), "product.conf")
		if err := os.WriteFile(file, []byte(c.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := &run{machine: here, m: demo()}
		db := manifest.Database{Name: "main", Connection: manifest.Connection{File: file, Format: c.Format, Keys: c.Keys}}
		got, err := r.address(t.Context(), db)
		if c.Err != "" {
			if err == nil || !strings.Contains(err.Error(), c.Err) || strings.Contains(err.Error(), "S3cret") {
				t.Errorf("%s: error %v, want %q", c.Name, err, c.Err)
			}
			continue
		}
		want := connection.Address{Host: c.Host, Port: uint16(c.Port), Database: c.Database, User: c.User, Password: c.Password}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", c.Name, got, err, want)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if again, err := r.address(t.Context(), db); err != nil || again != want {
			t.Errorf("%s: the file is not as it was, and the address is %+v, %v", c.Name, again, err)
		}
	}
}
