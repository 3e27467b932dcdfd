package upgrade

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/test/product/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// addressWorld is an attempt in its prepare, and a product whose file has the
// address of a database that answers.
func addressWorld(t *testing.T) (s *schema, spec manifest.Database, conf string) {
	t.Helper()
	b := testbed.New(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "product.yaml")
	conf = fmt.Sprintf("db_host: '%s'\ndb_name: %s\ndb_user: cloudify\ndb_password: '%s'\n", testbed.Server.Address(), b.Name, strings.ReplaceAll(testbed.Password, "'", "''"))
	write(t, file, conf)
	spec = manifest.Database{Name: "main", Connection: manifest.Connection{File: file, Format: "yaml",
		Keys: manifest.ConnectionKeys{Host: "db_host", Database: "db_name", User: "db_user", Password: "db_password"}}}
	m := &manifest.Manifest{Prefix: "demo-upgrade", Databases: []manifest.Database{spec}}
	return &schema{&job{
		bundle: &layout.Bundle{Manifest: m}, attempt: layout.Attempt{ID: "2.0-1-x", Var: dir}, journal: newJournal(t, dir),
	}}, spec, conf
}

func newJournal(t *testing.T, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Create(dir, journal.Record{ID: "x", Phase: journal.Preparing})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAddressIsKept: the new release names the keys of its connection otherwise, and
// the attempt still reaches the database, by the record of prepare, after a restart too.
func TestAddressIsKept(t *testing.T) {
	t.Parallel()
	s, spec, conf := addressWorld(t)
	if err := s.recordAddresses(t.Context()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.attempt.Backup(addressFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the record: %v, %v", info, err)
	}
	write(t, spec.Connection.File, strings.ReplaceAll(conf, "db_", "postgresql_"))
	restarted := &schema{&job{bundle: s.bundle, attempt: s.attempt, journal: s.journal}}
	for name, s := range map[string]*schema{"the same engine": s, "after a restart": restarted} {
		var one int64
		err := s.with(t.Context(), spec, func(db *database.DB) (err error) {
			one, err = db.Count(t.Context(), "select 1")
			return err
		})
		if err != nil || one != 1 {
			t.Errorf("%s: %d, %v", name, one, err)
		}
	}
}

// TestAddressIsReadAgain: prepare that starts over takes an address that the admin
// corrected meanwhile, until something was done to a database or by a hook.
func TestAddressIsReadAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		did  func(*journal.Record)
		want string
	}{
		"nothing was done":     {func(*journal.Record) {}, "second"},
		"a schema was noted":   {func(r *journal.Record) { r.Schema = map[string]int64{"main": 0} }, "first"},
		"a hook of prepare":    {func(r *journal.Record) { r.Hooks = []string{"hooks/a"} }, "first"},
		"another step failed ": {func(r *journal.Record) { r.Error = "x" }, "second"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "product.env")
			spec := manifest.Database{Name: "main", Connection: manifest.Connection{File: file, Format: "env",
				Keys: manifest.ConnectionKeys{Host: "HOST", Database: "DB", User: "U"}}}
			s := &schema{&job{bundle: &layout.Bundle{Manifest: &manifest.Manifest{Databases: []manifest.Database{spec}}},
				attempt: layout.Attempt{Var: dir}, journal: newJournal(t, dir)}}
			for _, at := range []string{"first", "second"} {
				write(t, file, "HOST="+at+"\nDB=d\nU=u\n")
				if err := s.recordAddresses(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := s.journal.Update(c.did); err != nil {
					t.Fatal(err)
				}
			}
			known, err := s.addresses()
			if err != nil || known["main"].Host != c.want {
				t.Errorf("%+v, %v; want %s", known, err, c.want)
			}
		})
	}
}

func TestAddressErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "product.json")
	spec := manifest.Database{Name: "main", Connection: manifest.Connection{File: file, Format: "json",
		Keys: manifest.ConnectionKeys{Host: "host", Database: "db", User: "user", Password: "password"}}}
	m := &manifest.Manifest{}
	s := &schema{&job{bundle: &layout.Bundle{Manifest: m}, attempt: layout.Attempt{Var: dir}, journal: newJournal(t, dir)}}
	if err := s.recordAddresses(t.Context()); err != nil {
		t.Errorf("a product without a database: %v", err)
	}
	m.Databases = []manifest.Database{spec}
	fails := func(what, want string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v; want %q", what, err, want)
		}
	}
	fails("no file", "no such file", s.recordAddresses(t.Context()))
	write(t, file, `{"host": "h", "db": "d", "password": "s3cret"}`)
	fails("a key lacks", `no value "user"`, s.recordAddresses(t.Context()))
	if _, err := os.Stat(s.attempt.Backup(addressFile)); !os.IsNotExist(err) {
		t.Errorf("a failed reading leaves a record: %v", err)
	}
	if err := os.MkdirAll(s.attempt.Backup(""), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, s.attempt.Backup(addressFile), `{"main": {"password": "s3cret`)
	fails("a damaged record", "is damaged", s.recordAddresses(t.Context()))
	_, err := s.open(context.Background(), spec)
	fails("a damaged record, opened", "is damaged", err)
}

// TestAddressOfANewDatabase: it stands in the new release's configuration as it is merged, and nowhere before.
func TestAddressOfANewDatabase(t *testing.T) {
	t.Parallel()
	s, spec, conf := addressWorld(t)
	spec.Only, s.manifest().Databases[0].Only = manifest.New, manifest.New
	if _, err := s.open(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "was not recorded") {
		t.Errorf("error %v", err)
	}
	write(t, spec.Connection.File, "es_host: h\n")
	merged := files.MergedFile(s.attempt.Backup(""), spec.Connection.File)
	if err := s.recordAddresses(t.Context()); err == nil || !strings.Contains(err.Error(), "from "+spec.Connection.File) {
		t.Errorf("error %v", err)
	}
	if err := os.MkdirAll(filepath.Dir(merged), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, merged, conf)
	if err := s.recordAddresses(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := s.with(t.Context(), spec, func(db *database.DB) error {
		one, err := db.Count(t.Context(), "select 1")
		if one != 1 {
			t.Errorf("got %d", one)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestNewDatabaseOnTheWay: there is nothing to dump of a database that only the new release has, and on
// the way back it goes with what made it.
func TestNewDatabaseOnTheWay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := &manifest.Manifest{Databases: []manifest.Database{{Name: "main", Only: manifest.New}}}
	s := &schema{&job{bundle: &layout.Bundle{Manifest: m}, attempt: layout.Attempt{Var: dir}, journal: newJournal(t, dir)}}
	if err := s.journal.Update(func(r *journal.Record) { r.Schema = map[string]int64{"main": 0} }); err != nil {
		t.Fatal(err)
	}
	if err := s.dump(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.converge(t.Context(), manifest.Old); err != nil {
		t.Error(err)
	}
}
