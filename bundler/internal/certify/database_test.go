package certify

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

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
	look := func() state {
		t.Helper()
		s := state{tables: map[string]table{}, schema: map[string]string{}}
		if err := r.lookDatabases(t.Context(), manifest.Old, &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := look()
	if len(before.tables) != 2 || before.tables["main public.plain"].rows != 3 || before.tables[`main public.Odd "name`].rows != 2 {
		t.Errorf("tables: %+v", before.tables)
	}
	if got := before.schema[`main column public.Odd "name.c`]; got != "colour default 'red'::colour" {
		t.Errorf("a column is %q in %v", got, before.schema)
	}
	if f := look().isAsBefore(before); len(f) > 0 {
		t.Errorf("nothing happened, and yet: %v", f)
	}
	exec(`update plain set t = 'c' where t = 'a'; create index more on plain (t); alter table "Odd ""name" alter c set not null`)
	got := strings.Join(look().isAsBefore(before), "|")
	want := `schema main column public.Odd "name.c is colour not null default 'red'::colour, was colour default 'red'::colour|` +
		"schema main index public.more is new|table main public.plain has 3 rows as before, but not the same ones"
	if got != want {
		t.Errorf("found %q", got)
	}
	if f := r.proves(t.Context(), manifest.Old); len(f) > 0 {
		t.Errorf("the old schema: %v", f)
	}
	if f := r.proves(t.Context(), manifest.New); len(f) != 1 || !strings.Contains(f[0], "division by zero") || strings.Contains(f[0], "it's") {
		t.Errorf("a query that fails: %q", f)
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
