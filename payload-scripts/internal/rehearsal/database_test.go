package rehearsal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/dump"
	"onerpm/payload-scripts/internal/elastic/elastictest"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/store/storetest"
	"onerpm/test/product/testbed"
	"onerpm/test/script"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// bedAndRun is a run whose bundle has a jump: a good one and what a test adds.
func bedAndRun(t *testing.T, name, text string) (*testbed.Bed, *run) {
	t.Helper()
	tb := testbed.Small(t)
	files := map[string]string{
		"1_expand_a.sql": "-- +goose Up\nALTER TABLE t ADD a int;\n-- +goose Down\nALTER TABLE t DROP a;\n",
		"9_switch_b.sql": "-- +goose Up\nUPDATE t SET b = 'new';\n-- +goose Down\nUPDATE t SET b = 'old';\n",
	}
	if name != "" {
		files[name] = text
	}
	folder := tb.Folder(files)
	dir, err := os.MkdirTemp("/var/tmp", "rehearsal-test-*") // the copy's server comes through
	tb.Must(err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	tb.Spec.Migrations = filepath.Base(folder)
	m := &manifest.Manifest{Prefix: testbed.Prefix, Databases: []manifest.Database{tb.Spec}}
	return tb, &run{bundle: &layout.Bundle{Dir: filepath.Dir(folder), Manifest: m}, dir: dir, tell: func(string) {}, report: &Report{}}
}

// rehearseDatabase runs it and sees that nothing of it is left, on either side.
func rehearseDatabase(tb *testbed.Bed, u *run) *Report {
	tb.Helper()
	schema, data := tb.SchemaDump(), tb.DataDump()
	tb.Must(u.databases(context.Background()))
	tb.Same("schemas", tb.SchemaDump(), schema)
	tb.Same("data", tb.DataDump(), data)
	tb.Want("SELECT count(*) FROM pg_namespace WHERE nspname = '"+testbed.Schema+"'", "0")
	if left, err := os.ReadDir(u.dir); err != nil || len(left) > 0 {
		tb.Errorf("left over: %v, %v", left, err)
	}
	return u.report
}

func TestDatabaseIsRehearsed(t *testing.T) {
	t.Parallel()
	tb, u := bedAndRun(t, "", "")
	r := rehearseDatabase(tb, u)
	if len(r.Problems)+len(r.Untried) > 0 || len(r.Databases) != 1 {
		t.Fatalf("%+v", r)
	}
	d := r.Databases[0]
	if d.Name != "manager" || d.Rows != 1 || d.Copy <= 0 || d.Expand <= 0 || d.Switch <= 0 || d.Back <= 0 {
		t.Errorf("%+v", d)
	}
	if r.Prepare <= d.Expand || r.Prepare > d.Copy+d.Expand { // with the dump, and without the copy's load
		t.Errorf("prepare takes %s", r.Prepare.D())
	}
	if len(r.Parts) != 1 || r.Parts[0].Name != "schema" || r.Parts[0].Takes != d.Switch || r.Parts[0].How != Measured {
		t.Errorf("%+v", r.Parts)
	}
}

func TestDatabaseThatWouldGoBack(t *testing.T) {
	t.Parallel()
	for want, sql := range map[string][2]string{
		"apply migration 10_switch_x.sql":                                   {"ALTER TABLE t ADD CONSTRAINT no_cards CHECK (b !~ 'card|new')", "SELECT 1"},
		"take back migration 10_switch_x.sql":                               {"SELECT 1", "SELECT nosuch"},
		"rows are lost: the way there and back":                             {"SELECT 1", "DELETE FROM t"},
		"does not lead to the schema it came from: + CREATE TABLE public.u": {"CREATE TABLE u (id int)", "SELECT 1"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			tb, u := bedAndRun(t, "10_switch_x.sql", "-- +goose Up\n"+sql[0]+";\n-- +goose Down\n"+sql[1]+";\n")
			r := rehearseDatabase(tb, u)
			if len(r.Problems) != 1 || !strings.Contains(r.Problems[0], want) || len(r.Untried) > 0 || len(r.Databases) > 0 || r.Ready() {
				t.Errorf("%+v", r)
			}
			if strings.Contains(r.Problems[0], "4929") {
				t.Errorf("a row is told: %s", r.Problems[0])
			}
		})
	}
}

// TestDatabaseOnTablespaces: the copy has the server's tablespaces, for what lies there and for what migrations put there.
func TestDatabaseOnTablespaces(t *testing.T) {
	t.Parallel()
	tb, u := bedAndRun(t, "10_switch_x.sql", "-- +goose Up\nALTER TABLE audit SET TABLESPACE \"also fast\";\nCREATE INDEX i ON t (b) TABLESPACE fast;\n-- +goose Down\nDROP INDEX i;\nALTER TABLE audit SET TABLESPACE fast;\n")
	for _, name := range []string{"fast", "also fast"} {
		dir := folderOfServer(tb)
		tb.AsSuper(`CREATE TABLESPACE "` + name + `" LOCATION '` + dir + `'`)
		tb.Cleanup(func() { tb.AsSuper(`DROP TABLE IF EXISTS audit`); tb.AsSuper(`DROP TABLESPACE "` + name + `"`) })
	}
	tb.AsSuper(`GRANT CREATE ON TABLESPACE fast TO cloudify`)
	tb.AsSuper(`GRANT CREATE ON TABLESPACE "also fast" TO public`)
	tb.AsSuper(`CREATE TABLE audit (a int) TABLESPACE fast; ALTER TABLE audit OWNER TO cloudify`)
	r := rehearseDatabase(tb, u)
	if len(r.Problems)+len(r.Untried) > 0 || len(r.Databases) != 1 {
		t.Fatalf("%+v", r)
	}
}

// TestCopyIsAskedAsTheServerIs: names without a schema are found where the role or the database has them.
func TestCopyIsAskedAsTheServerIs(t *testing.T) {
	t.Parallel()
	tb, u := bedAndRun(t, "10_switch_x.sql", "-- +goose Up\nALTER TABLE hidden ADD b int;\n-- +goose Down\nALTER TABLE hidden DROP b;\n")
	tb.AsSuper(`CREATE SCHEMA "their own" AUTHORIZATION cloudify; CREATE TABLE "their own".hidden (a int); ALTER TABLE "their own".hidden OWNER TO cloudify`)
	tb.AsSuper(`ALTER ROLE cloudify IN DATABASE "` + tb.Name + `" SET search_path = public, "their own"`)
	r := rehearseDatabase(tb, u)
	if len(r.Problems)+len(r.Untried) > 0 || len(r.Databases) != 1 {
		t.Fatalf("%+v", r)
	}
}

// TestCopyWhoseServerEnds in the middle says nothing about the upgrade.
func TestCopyWhoseServerEnds(t *testing.T) {
	t.Parallel()
	tb, u := bedAndRun(t, "", "")
	u.tell = func(what string) {
		if !strings.HasPrefix(what, "schema to new") {
			return
		}
		pid, _, _ := strings.Cut(string(first(os.ReadFile(filepath.Join(u.dir, "postgresql/data/postmaster.pid")))), "\n")
		number, err := strconv.Atoi(pid)
		tb.Must(err)
		tb.Must(syscall.Kill(number, syscall.SIGQUIT))
		time.Sleep(100 * time.Millisecond)
	}
	r := rehearseDatabase(tb, u)
	if len(r.Untried) != 1 || !strings.Contains(r.Untried[0], "the copy's server did not last") || len(r.Problems) > 0 {
		t.Errorf("%+v", r)
	}
}

// TestWithoutRoom: a disk that is full is the rehearsal's, however it is told.
func TestWithoutRoom(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		err     error
		untried bool
	}{
		"a system call":     {&os.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}, true},
		"a quota":           {fmt.Errorf("save: %w", syscall.EDQUOT), true},
		"pg_dump":           {errors.New("pg_dump: error: could not write to file: No space left on device"), true},
		"a migration":       {database.Explain(&pgconn.PgError{Code: "53100", Message: "could not extend file"}), true},
		"rpm":               {errors.New("installing package a-1 needs 5MB more space on the / filesystem"), true},
		"untried already":   {&untriedError{errors.New("no server here: No space left on device")}, true},
		"another migration": {database.Explain(&pgconn.PgError{Code: "42P01", Message: "relation does not exist"}), false},
		"a file":            {&os.PathError{Op: "open", Path: "/x", Err: syscall.ENOENT}, false},
	} {
		u := &run{report: &Report{}}
		if err := u.problem(t.Context(), c.err); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got := len(u.report.Untried); (got == 1) != c.untried || got+len(u.report.Problems) != 1 {
			t.Errorf("%s: %+v", text, u.report)
		}
	}
}

// folderOfServer is an empty folder for a tablespace of the test's server.
func folderOfServer(tb *testbed.Bed) string {
	tb.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "rehearsal-tablespace-*")
	tb.Must(err)
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	tb.Must(exec.Command("chown", "postgres:", dir).Run())
	return dir
}

func first(text []byte, _ error) []byte { return text }

// TestDatabaseThatCannotBeDumped would stop the upgrade too.
func TestDatabaseThatCannotBeDumped(t *testing.T) {
	t.Parallel()
	tb, u := bedAndRun(t, "", "")
	tb.AsSuper("CREATE TABLE theirs (id int)")
	r := rehearseDatabase(tb, u)
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "permission denied for table theirs") {
		t.Errorf("%+v", r)
	}
}

// TestDatabaseThatCannotBeCopiedHere says nothing about the upgrade.
func TestDatabaseThatCannotBeCopiedHere(t *testing.T) {
	tb, u := bedAndRun(t, "", "")
	dir := t.TempDir()
	for _, name := range []string{"pg_dump", "pg_restore"} {
		tb.Must(script.Write(filepath.Join(dir, name), "#!/bin/sh\nexec "+filepath.Join(testbed.Server.Bin, name)+" \"$@\"\n"))
	}
	usual := dump.Folders
	dump.Folders = []string{dir}
	defer func() { dump.Folders = usual }()
	r := rehearseDatabase(tb, u)
	if len(r.Untried) != 1 || !strings.Contains(r.Untried[0], "rehearse on the host of its server") || len(r.Problems) > 0 || !r.Ready() {
		t.Errorf("%+v", r)
	}
}

func TestDatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	tb, u := bedAndRun(t, "", "")
	tb.Must(os.Remove(tb.Conf))
	if err := u.databases(context.Background()); err != nil || len(u.report.Problems) != 1 || !strings.Contains(u.report.Problems[0], tb.Conf) {
		t.Errorf("%v, %+v", err, u.report)
	}
}

// storeAndRun is a run whose bundle copies a store into a database, which holds the store's tables when
// it is there already.
func storeAndRun(t *testing.T, only manifest.Side) (*testbed.Bed, *elastictest.Server, *run) {
	t.Helper()
	tb := testbed.New(t)
	server := elastictest.New(t)
	storetest.Small(server)
	p := storetest.NewProduct(server, 5)
	p.Work(200)
	folder := tb.Folder(map[string]string{
		"1_expand_a.sql": "-- +goose Up\n-- +goose StatementBegin\n" + storetest.Schema + "\n-- +goose StatementEnd\n-- +goose Down\nDROP TABLE logs, events, settings, steps, jobs, parts, sites, plans;\nDROP TYPE progress;\n",
		"9_switch_b.sql": "-- +goose Up\nALTER TABLE parts ADD more int;\nUPDATE parts SET more = 1;\n-- +goose Down\nALTER TABLE parts DROP more;\n",
	})
	dir, err := os.MkdirTemp("/var/tmp", "rehearsal-test-*") // the copy's server comes through
	tb.Must(err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	tb.Spec.Migrations, tb.Spec.Only = filepath.Base(folder), only
	conf := filepath.Join(t.TempDir(), "source.yaml")
	tb.Must(os.WriteFile(conf, fmt.Appendf(nil, "host: %s\nport: %d\n", server.Host, server.Port), 0o600))
	spec := storetest.Spec()
	spec.From.Elasticsearch = manifest.HostAddress{File: conf, Format: "yaml", Host: "host", Port: "port"}
	spec.Values = map[string]manifest.HostValue{"ip": {File: conf, Format: "yaml", Key: "host"}}
	m := &manifest.Manifest{Prefix: testbed.Prefix, Databases: []manifest.Database{tb.Spec}, Stores: []manifest.Store{spec}}
	return tb, server, &run{bundle: &layout.Bundle{Dir: filepath.Dir(folder), Manifest: m}, dir: dir, tell: func(string) {}, report: &Report{}}
}

// TestStoreIsRehearsed makes both readings into the copy of a database, and predicts the window by the second.
func TestStoreIsRehearsed(t *testing.T) {
	t.Parallel()
	tb, _, u := storeAndRun(t, "")
	r := rehearseDatabase(tb, u)
	if len(r.Problems)+len(r.Untried) > 0 || len(r.Stores) != 1 || len(r.Databases) != 1 {
		t.Fatalf("%+v", r)
	}
	s := r.Stores[0]
	if s.Name != "storage" || s.Documents < 100 || s.Rows < 100 || s.First <= 0 || s.Second <= 0 || len(s.Left) == 0 {
		t.Errorf("%+v", s)
	}
	if d := r.Databases[0]; r.Prepare <= s.First+d.Expand || r.Prepare > d.Copy+d.Expand+s.First {
		t.Errorf("prepare takes %s", r.Prepare.D())
	}
	if len(r.Parts) != 2 || r.Parts[0].Takes != s.Second || r.Parts[0].How != Measured || r.Parts[1].Name != "schema" {
		t.Errorf("%+v", r.Parts)
	}
}

// TestStoreThatWouldFail: what the second reading could not take is reported before the upgrade.
func TestStoreThatWouldFail(t *testing.T) {
	t.Parallel()
	tb, server, u := storeAndRun(t, "")
	server.Put("things", "site", "bad", `{"id":"bad","plan_id":"p","made":"secret"}`)
	server.Refresh()
	r := rehearseDatabase(tb, u)
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0], `document things/site/"bad" does not fit`) || strings.Contains(r.Problems[0], "secret") {
		t.Errorf("%+v", r)
	}
}

// TestNewDatabaseIsRehearsed: what only the new release has is made in a scratch server, where the merged
// configuration says, and filled from the store.
func TestNewDatabaseIsRehearsed(t *testing.T) {
	t.Parallel()
	tb, _, u := storeAndRun(t, manifest.New)
	m, dir := u.bundle.Manifest, u.bundle.Dir
	absent := manifest.Package{ID: nevra.ID{Name: "no-such-package", Version: "1", Release: "1", Arch: "noarch"}, Optional: true}
	m.Old, m.New = []manifest.Package{absent}, []manifest.Package{absent}
	target := filepath.Join(t.TempDir(), "product.yaml")
	tb.Must(os.WriteFile(target, []byte("es_host: localhost\nname: mine\n"), 0o600))
	for _, f := range [][2]string{{"new.yaml", "name: <<n>>\npg_host: localhost\npg_db: cloud\npg_user: cloudy\npg_password: <<p>>\n"}, {"old.yaml", "es_host: <<h>>\nname: <<n>>\n"}} {
		tb.Must(os.WriteFile(filepath.Join(dir, f[0]), []byte(f[1]), 0o600))
		m.Files = append(m.Files, manifest.File{Path: f[0], Size: int64(len(f[1])), SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(f[1]))), Mode: 0o600})
	}
	m.Config = []manifest.Config{{Target: target, Format: "yaml", Old: "old.yaml", New: "new.yaml", Set: map[string]manifest.Value{"pg_password": {Random: 16}}}}
	c := manifest.Connection{File: target, Format: "yaml", Keys: manifest.ConnectionKeys{Host: "pg_host", Database: "pg_db", User: "pg_user", Password: "pg_password"}}
	m.Databases[0].Connection, m.Databases[0].Programs = c, []string{testbed.Server.Bin}
	r := rehearseDatabase(tb, u)
	if len(r.Problems)+len(r.Untried) > 0 || len(r.Stores) != 1 || len(r.Databases) != 1 {
		t.Fatalf("%+v", r)
	}
	if d := r.Databases[0]; d.Copy != 0 || d.Expand <= 0 || d.Switch <= 0 || d.Back <= 0 || r.Stores[0].Rows < 100 {
		t.Errorf("%+v", r)
	}
	m.Databases[0].Connection.Keys.Host = "nowhere"
	u.report = &Report{}
	if r := rehearseDatabase(tb, u); len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "nowhere") || strings.Contains(r.Problems[0], "/run/") {
		t.Errorf("%+v", r)
	}
}
