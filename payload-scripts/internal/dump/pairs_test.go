package dump_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/dbcheck"
	"onerpm/payload-scripts/internal/dump"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/scratch"
	"onerpm/payload-scripts/measure"
	"onerpm/test/product/testbed"
)

// TestPairs takes the demo product's database through every pair of PostgreSQL's versions that there are programs of
// (see versionsOf). pg_dump of each version writes an archive, as the engine writes and proves its backup, and SQL of the
// database on each server; each of them is loaded into each server, as bundler check --dump does it, by the oldest
// and by the newest client that a host with this server can have. Rows and schema are compared.
//
// make test-postgresql has all versions that can be had and writes docs/postgresql.md. make unit has two servers and a client, and
// leaves to other tests what takes longest: copies of rehearsals, and migrations.
func TestPairs(t *testing.T) {
	all := versionsOf(t)
	usual := dump.Folders
	dump.Folders = nil // nothing but what Spec.Programs names
	t.Cleanup(func() { dump.Folders = usual })
	p := &pairs{T: t, all: all, dir: folder(t)}
	for _, v := range all {
		if v.serves {
			p.serve("of "+v.version, v, p.write)
		}
	}
	for _, v := range all {
		if v.serves {
			p.serve("into "+v.version, v, p.loadAll)
		}
	}
	p.page()
}

// pairs is a run.
type pairs struct {
	*testing.T
	all      []version
	dir      string
	dumps    []written
	outcomes []outcome
}

// whole is a run of make test-postgresql.
func (p *pairs) whole() bool { return len(p.all) > 2 }

// written is a dump.
type written struct {
	of, by   version
	archive  bool
	file     string
	contents contents
}

func (w written) String() string {
	return map[bool]string{true: "archive", false: "SQL"}[w.archive] + " of " + w.of.version + " by " + w.by.version
}

// serve runs work with a server of a version, and an empty database on it.
func (p *pairs) serve(name string, v version, work func(*testbed.Bed, version)) {
	p.Run(name, func(t *testing.T) {
		server, err := testbed.StartOf(v.bin)
		check(t, err)
		t.Cleanup(func() { check(t, server.Stop()) })
		work(testbed.On(t, server), v)
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// attempt opens a database as the engine does.
func attempt(t *testing.T, tb *testbed.Bed) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), tb.Spec, testbed.Prefix, "a1", manifest.Limits{})
	check(t, err)
	t.Cleanup(db.Close)
	return db
}

// write has the database of one server written by every pg_dump.
func (p *pairs) write(tb *testbed.Bed, of version) {
	tb.Create("4.1.1", true)
	tb.Fill("4.1.1", 300)
	tb.Exec(odd)
	was := contentsOf(tb, tb.Super)
	for _, by := range p.all {
		if !by.dumps {
			continue
		}
		tb.Run("by "+by.version, func(t *testing.T) {
			tb.Spec.Programs = []string{by.bin}
			if by.major < of.major {
				p.refused(t, tb, of, by)
			} else {
				p.written(t, tb, written{of: of, by: by, file: filepath.Join(p.dir, "of-"+of.version+"-by-"+by.version), contents: was})
			}
		})
	}
}

// refused: check tells that the only pg_dump is older than the server, and there is no backup.
func (p *pairs) refused(t *testing.T, tb *testbed.Bed, of, by version) {
	db := attempt(t, tb)
	f := backupFinding(t, db)
	if f == nil || f.ID != "database-programs" || f.Level != finding.Refuse || !strings.Contains(f.What, fmt.Sprintf("%s (%v)", by.bin, by.major)) {
		t.Errorf("check finds %+v", f)
	}
	err := dump.Write(t.Context(), db, filepath.Join(t.TempDir(), "dump"))
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("no pg_dump for PostgreSQL %v or later", of.major)) || !strings.Contains(err.Error(), by.bin) {
		t.Errorf("error %v", err)
	}
	p.end(t, outcome{what: dumped, of: of, by: by, result: "refused"})
}

// backupFinding is what check has against a backup.
func backupFinding(t *testing.T, db *database.DB) *finding.Finding {
	found := dbcheck.Run(t.Context(), db, dbcheck.Files{})
	i := slices.IndexFunc(found, func(f finding.Finding) bool {
		return f.ID == "database-programs" || strings.HasPrefix(f.ID, "database-backup")
	})
	if i < 0 {
		return nil
	}
	return &found[i]
}

// written writes the backup, which proves it, and SQL.
func (p *pairs) written(t *testing.T, tb *testbed.Bed, w written) {
	db := attempt(t, tb)
	if f := backupFinding(t, db); f != nil {
		t.Errorf("check finds %+v", f)
	}
	archive, text := w, w
	archive.archive, archive.file, text.file = true, w.file+".dump", w.file+".sql"
	check(t, dump.Write(t.Context(), db, archive.file))
	run(t, w.by, "pg_dump", "--dbname="+tb.Server().As(testbed.User, tb.Name), "--file="+text.file)
	p.dumps = append(p.dumps, archive, text)
	p.end(t, outcome{what: dumped, of: w.of, by: w.by, result: "passed"})
	p.putBack(t, tb, archive)
	p.rehearsed(t, tb, archive)
}

func run(t *testing.T, v version, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(filepath.Join(v.bin, program), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s of %s: %v: %s", program, v.version, err, out)
	}
}

var complaint = regexp.MustCompile(`(?m)^pg_restore: (?:error|\[archiver \(db\)\]).* ERROR:  (.*)$`)

// putBack restores a backup by hand, by the pg_restore of the same version, on the server that it is of. All of it is
// there then; what pg_restore may complain about are settings that this server does not have.
func (p *pairs) putBack(t *testing.T, tb *testbed.Bed, w written) {
	empty := testbed.On(t, tb.Server())
	out, err := exec.Command(filepath.Join(w.by.bin, "pg_restore"), "--dbname="+tb.Server().DSN(empty.Name), w.file).CombinedOutput()
	complaints := complaint.FindAllStringSubmatch(string(out), -1)
	for _, c := range complaints {
		if !strings.HasPrefix(c[1], "unrecognized configuration parameter ") {
			t.Errorf("pg_restore: %s", c[1])
		}
	}
	if (err != nil) != (len(complaints) > 0) {
		t.Errorf("pg_restore: %v: %s", err, out)
	}
	w.contents.same(t, contentsOf(empty, empty.Super))
	p.end(t, outcome{what: restored, of: w.of, by: w.by, result: strconv.Itoa(len(complaints))})
}

// rehearsed makes the copy that a rehearsal makes, on a server of the version of pg_dump.
func (p *pairs) rehearsed(t *testing.T, tb *testbed.Bed, w written) {
	if !w.by.serves || !p.whole() { // without a server's programs a rehearsal says so
		return
	}
	dir := folder(t)
	file := filepath.Join(dir, "database.dump")
	check(t, dump.Write(t.Context(), attempt(t, tb), file))
	server, err := scratch.Make(t.Context(), attempt(t, tb), dir, file)
	check(t, err)
	defer func() { check(t, server.Close()) }()
	db, err := server.Open(t.Context())
	check(t, err)
	defer db.Close()
	w.contents.same(t, contentsOf(tb, db.Pool))
	p.end(t, outcome{what: rehearsed, of: w.of, by: w.by, result: "passed"})
}

// loadAll loads every dump into one server.
func (p *pairs) loadAll(first *testbed.Bed, into version) {
	for _, with := range p.clients(into) {
		first.Run("with "+with.version, func(t *testing.T) {
			for _, w := range p.dumps {
				t.Run(w.String(), func(t *testing.T) { p.load(t, first, w, into, with) })
			}
			if p.whole() {
				t.Run("check", func(t *testing.T) { p.check(t, first, into, with) })
			}
		})
	}
}

// clients are the oldest and the newest that a host with a server has.
func (p *pairs) clients(into version) (some []version) {
	for _, v := range p.all {
		if !v.dumps || v.major < into.major {
			continue
		}
		if len(some) == 2 {
			some = some[:1]
		}
		some = append(some, v)
	}
	return some
}

// load loads a dump into an empty database, as the product's role: it may not do what only a superuser may.
func (p *pairs) load(t *testing.T, first *testbed.Bed, w written, into, with version) {
	tb := testbed.On(t, first.Server())
	tb.Spec.Programs = []string{with.bin}
	db := attempt(t, tb)
	err := dump.Load(t.Context(), db, w.file)
	db.Close()
	o := outcome{what: loaded, of: w.of, by: w.by, into: into, with: with, result: "passed"}
	if w.archive && w.by.archive() > with.archive() {
		o.result = "refused"
		var unfit *dump.UnfitError
		if !errors.As(err, &unfit) || !strings.Contains(err.Error(), "unsupported version") || !strings.Contains(unfit.Do, "a later one") {
			t.Errorf("error %v", err)
		}
	} else {
		check(t, err)
		w.contents.same(t, contentsOf(tb, tb.Super))
	}
	p.end(t, o)
	check(t, errors.Join(tb.SQL.Close(), tb.Super.Close()))
	_, err = first.Super.Exec("DROP DATABASE " + tb.Name)
	check(t, err)
}

// check is bundler check --database --dump, with the archive of the oldest server that this client can read.
func (p *pairs) check(t *testing.T, first *testbed.Bed, into, with version) {
	for _, w := range p.dumps {
		if !w.archive || w.by.version != with.version {
			continue
		}
		tb := testbed.On(t, first.Server())
		dir, checks := tb.Jump("../../..", "4.1.1-4.2.0")
		tb.Spec.Migrations, tb.Spec.Checks, tb.Spec.Programs = dir, checks, []string{with.bin}
		r, err := measure.Run(t.Context(), measure.Options{DSN: tb.Server().DSN(tb.Name), Dump: w.file, Prefix: testbed.Prefix, Database: tb.Spec, Note: func(string) {}})
		check(t, err)
		var mistakes []string
		for _, m := range r.Mistakes {
			mistakes = append(mistakes, m.What)
		}
		result, want := "passed", []string(nil)
		if into.major < 12 { // later ones believe a CHECK that is there
			result, want = "1 mistake", []string{"reads node_instances from end to end in the window: ALTER TABLE node_instances ALTER COLUMN version SET NOT NULL"}
		}
		if !slices.Equal(mistakes, want) || len(r.Statements) == 0 {
			t.Errorf("%d statements, mistakes %+v", len(r.Statements), r.Mistakes)
		}
		p.end(t, outcome{what: checked, into: into, with: with, result: result})
		return
	}
}

// end keeps how something ended.
func (p *pairs) end(t *testing.T, o outcome) {
	if t.Failed() {
		o.result = "FAILED"
	}
	p.outcomes = append(p.outcomes, o)
}

// folder is one that PostgreSQL's own user comes through.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pairs-*")
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	check(t, os.Chmod(dir, 0o711))
	return dir
}
