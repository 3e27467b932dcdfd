package docs_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"

	"onerpm/test/docs"
	"onerpm/test/need"
	"onerpm/test/product/pgserver"
	"onerpm/test/product/schema"
	"onerpm/test/s3server"
	"onerpm/test/samplerpm"
)

// walk is a copy of the project in which people do what the pages say.
type walk struct {
	docs.Session
	t      *testing.T
	pages  map[string]docs.Document
	server *pgserver.Server
}

// step is what a page's block needs besides the blocks before it, and what must come of it.
type step struct {
	before func(*walk)
	values []string // what is an example in the block, and what stands for it here
	after  func(w *walk, said string)
}

// order is that of the pages, and steps what their blocks need, in the order of each page.
var (
	order = []string{"docs/trust.md", "README.md", "docs/installing.md", "docs/publishing.md", "docs/writing-a-jump.md", "docs/stores.md", "docs/postgresql.md"}
	steps = map[string][]step{
		"docs/trust.md": {{after: (*walk).keyIsMade}},
		"README.md": {
			{after: (*walk).next},
			{before: (*walk).signWithTheKey, after: says("published in testing")},
		},
		"docs/installing.md": {{after: says("  engine      ", `"engine": "`)}},
		"docs/publishing.md": {
			{values: []string{"<p>", product}, after: (*walk).published},
			{after: says("refreshed: stable and testing", "customers believe it until ")},
			{after: says("copied: ", "settings  https://mirror.example.org/upgrades/"+product+".repo", "whole: ")},
		},
		"docs/writing-a-jump.md": {
			{before: (*walk).newRelease, values: []string{"/path/to/the/RPMs/of", "../rpms"}, after: (*walk).undecided},
			{before: (*walk).customersDatabase, values: []string{"host=127.0.0.1 ", "host=127.0.0.1 port=$PGPORT user=super "},
				after: says("packages fit together", "42001_expand_", "the schema comes back", "whole: all ")},
		},
		"docs/stores.md":     {{before: (*walk).depot, values: []string{"/path/to/the/RPMs/of", "rpms"}, after: (*walk).mapped}},
		"docs/postgresql.md": {{before: (*walk).backup, after: (*walk).loaded}},
	}
)

const product = "cloudify-upgrade"

// TestHere runs every block that says so, with the demo product, stores of its own, and databases of its own.
func TestHere(t *testing.T) {
	need.Time(t)
	need.Root(t)
	w := start(t)
	all := blocks(t, "here")
	for page := range all {
		if !slices.Contains(order, page) {
			t.Errorf("%s has blocks to be run here, and the test does not know when", page)
		}
	}
	for _, page := range order {
		if len(all[page]) != len(steps[page]) {
			t.Fatalf("%s has %d blocks to be run here, want %d", page, len(all[page]), len(steps[page]))
		}
		for i, s := range steps[page] {
			w.block(all[page][i], s)
		}
	}
}

func (w *walk) block(b docs.Block, s step) {
	w.t.Helper()
	if s.before != nil {
		s.before(w)
	}
	code, said, err := w.Run(w.t.Context(), strings.NewReplacer(s.values...).Replace(b.Text))
	if err != nil || code != 0 {
		w.t.Fatalf("%s: exit %d, %v\n%s", b, code, err, said)
	}
	if s.after != nil {
		s.after(w, said)
	}
	if t := docs.Shown(w.pages[b.File], b); t != "" {
		for _, line := range docs.Missing(t, said) {
			w.t.Errorf("%s: what is shown behind it is not printed: %s", b, line)
		}
	}
}

// must runs what no page says, and must succeed.
func (w *walk) must(script string) string {
	w.t.Helper()
	code, said, err := w.Run(w.t.Context(), script)
	if err != nil || code != 0 {
		w.t.Fatalf("%s: exit %d, %v\n%s", script, code, err, said)
	}
	return said
}

func says(want ...string) func(*walk, string) {
	return func(w *walk, said string) {
		w.t.Helper()
		for _, s := range want {
			if !strings.Contains(said, s) {
				w.t.Errorf("it does not say %q:\n%s", s, said)
			}
		}
	}
}

// start copies the project and starts what the pages name: a bucket, and a database server.
func start(t *testing.T) *walk {
	t.Helper()
	dir := t.TempDir()
	w := &walk{Session: docs.Session{Dir: dir + "/project", State: dir + "/exported"}, t: t, pages: pages(t)}
	docs.CopyProject(t, project, w.Dir)
	gnupg, passphrase := docs.GPGHome(t, dir), dir+"/passphrase"
	if err := errors.Join(os.WriteFile(passphrase, []byte("only this test knows it\n"), 0o600),
		// where somebody is asked for the passphrase of the new key, there is nobody
		os.WriteFile(gnupg+"/gpg.conf", []byte("batch\npinentry-mode loopback\npassphrase-file "+passphrase+"\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	bucket, name := s3server.Start(t), "downloads"
	if _, err := bucket.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.server, err = pgserver.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.server.Stop(); err != nil {
			t.Error(err)
		}
	})
	_, port, _ := strings.Cut(w.server.Address(), ":")
	w.Env = slices.DeleteFunc(append(os.Environ(), bucket.Env()...), func(line string) bool {
		name, _, _ := strings.Cut(line, "=")
		return strings.HasPrefix(name, "BUNDLER_") || strings.HasPrefix(name, "MAKE") || name == "MFLAGS" // the demo key is for nobody's bucket
	})
	w.Env = append(w.Env, "GNUPGHOME="+gnupg, "BUNDLER_PASSPHRASE_FILE="+passphrase, "PGHOST=127.0.0.1", "PGPORT="+port, "PGUSER=super",
		"PATH="+w.Dir+"/dist/bin:"+w.server.Bin+":"+os.Getenv("PATH"))
	return w
}

func (w *walk) keyIsMade(string) {
	w.t.Helper()
	says("rsa3072")(w, w.must("gpg --show-keys upgrades.key.asc"))
	w.must("gpg --armor --export >upgrades.pub.asc")
}

// signWithTheKey builds the bundle of make demo once more: no bucket takes one of the demo key.
func (w *walk) signWithTheKey() {
	w.t.Helper()
	w.must("bundler build 4.1.1-4.2.0 --key upgrades.key.asc")
}

// later are the things that make demo says and that are not tried here, with who does.
var later = map[string]string{
	"the download page":      "the tests of bundler/internal/page open it with a browser",
	"a machine to try it on": "TestDocs of test/e2e runs the README's make host",
	"and on that machine":    "likewise",
}

// next does what make demo says at its end.
func (w *walk) next(said string) {
	w.t.Helper()
	_, list, there := strings.Cut(said, "\nnext:\n")
	if !there {
		w.t.Fatal("make demo does not say what to do next")
	}
	w.must("mkdir ../home && echo '%_dbpath '$PWD/../home/rpm >../home/.rpmmacros") // rpm's database is not this machine's own
	parts, n := regexp.MustCompile(`^  (\S+(?: \S+)*)   *(.*)$`), 0
	for line := range strings.Lines(strings.ReplaceAll(list, "\\\n", "")) {
		m := parts.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			w.t.Errorf("make demo says %q, want what and how", line)
			continue
		}
		if later[m[1]] != "" {
			continue
		}
		n++
		want := map[string]string{
			"look into it": "4.1.1", "what a host would see": "cloudify-rest-service", "its signature (with rpm)": "Signature, key ID", "dnf and its repository": product + "-4.2.0",
		}[m[1]]
		got := w.must("( export HOME=$PWD/../home; " + m[2] + " )")
		if want == "" || !strings.Contains(got, want) || strings.Contains(got, "NOKEY") {
			w.t.Errorf("%s: want %q\n%s", m[2], want, got)
		}
	}
	if n != 4 {
		w.t.Errorf("%d commands were tried, want 4", n)
	}
	if _, err := os.Stat(w.Dir + "/dist/repo/index.html"); err != nil {
		w.t.Error(err)
	}
}

// published looks at the bucket, and compares a store that has all kinds of files with what the page shows.
func (w *walk) published(said string) {
	w.t.Helper()
	says("whole: 1 bundle")(w, said)
	w.must("bundler publish dist/" + product + "-4.2.0.rpm --to dist/laid --key upgrades.key.asc --override 'for the layout'")
	for _, b := range w.pages["docs/publishing.md"].Blocks {
		if b.How == "TestHere" {
			for _, problem := range layout(w.t, b.Text, os.DirFS(w.Dir+"/dist/laid")) {
				w.t.Errorf("%s: %s", b, problem)
			}
			return
		}
	}
	w.t.Error("docs/publishing.md does not show how a store looks")
}

// newRelease makes a package of a release that nobody knows.
func (w *walk) newRelease() {
	w.t.Helper()
	w.sample("cloudify-cli", "4.3.0", w.Dir+"/../rpms/4.3.0")
}

func (w *walk) sample(name, version, folder string) {
	w.t.Helper()
	built := samplerpm.Built(w.t, "Name: "+name+"\nVersion: "+version+"\nRelease: 1\nSummary: A sample\nLicense: Apache-2.0\nBuildArch: noarch\n%description\nA sample.\n%files\n", "w9.gzdio")
	text, err := os.ReadFile(built)
	if err == nil {
		err = errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, filepath.Base(built)), text, 0o644))
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// undecided looks for what bundler new wrote, and takes it away: the blocks that follow are about another jump.
func (w *walk) undecided(said string) {
	w.t.Helper()
	says("versions/4.3.0.yaml", "specs/4.2.0-4.3.0/upgrade.yaml")(w, said)
	code, said, err := w.Run(w.t.Context(), "bundler check")
	if err != nil || code != 3 || !strings.Contains(said, "still to be decided: ") {
		w.t.Errorf("check: exit %d, %v, want 3 and what is to be decided\n%s", code, err, said)
	}
	w.must("rm -r versions/4.3.0* specs/4.2.0-4.3.0")
}

func (w *walk) customersDatabase() {
	w.t.Helper()
	w.must("createdb copy_of_a_customers")
	w.inDatabase("copy_of_a_customers", func(ctx context.Context, conn *pgx.Conn) error {
		return schema.Create(ctx, conn, schema.Options{Release: "4.1.1", Upgraded: true, Password: "of no account"})
	})
}

func (w *walk) inDatabase(name string, do func(context.Context, *pgx.Conn) error) {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.server.DSN(name))
	if err == nil {
		err = errors.Join(do(w.t.Context(), conn), conn.Close(w.t.Context()))
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// depot is the page's example: a project of another product, and a database with the page's own tables.
func (w *walk) depot() {
	w.t.Helper()
	w.must("createdb depot3")
	for _, b := range w.pages["docs/stores.md"].Blocks {
		if b.Language == "sql" {
			up, _, _ := strings.Cut(b.Text, "-- +goose Down")
			w.inDatabase("depot3", func(ctx context.Context, conn *pgx.Conn) error {
				_, err := conn.Exec(ctx, up)
				return err
			})
		}
	}
	w.Dir = filepath.Join(filepath.Dir(w.Dir), "depot")
	w.sample("depot", "2.0", w.Dir+"/rpms/2.0")
	w.sample("depot", "3.0", w.Dir+"/rpms/3.0")
	err := errors.Join(os.Mkdir(w.Dir+"/versions", 0o755),
		os.WriteFile(w.Dir+"/versions/product.yaml", []byte("product: Depot\nprefix: depot-upgrade\nvendor: Example\nlicense: Apache-2.0\n"), 0o644),
		os.WriteFile(w.Dir+"/versions/2.0.yaml", []byte("version: 2.0\ndate: 2020-01-01\nstatus: supported\nplatforms: [el8.x86_64]\nsource: rpms/2.0\ncomponents:\n  - name: depot\n    evr: 2.0-1\n    arch: noarch\n"), 0o644))
	if err != nil {
		w.t.Fatal(err)
	}
	w.must("bundler lock 2.0")
}

// mapped looks whether the migration and the mapping were written, with what only a person knows.
func (w *walk) mapped(said string) {
	w.t.Helper()
	says("specs/2.0-3.0/migrations/", "things to decide:")(w, said)
	got := w.must("sed -n '/^stores:/,$p' specs/2.0-3.0/upgrade.yaml")
	for _, table := range []string{"tenants", "users", "depots", "parcels", "stops", "scans"} {
		if !strings.Contains(got, "table: "+table) {
			w.t.Errorf("the mapping lacks the table %s", table)
		}
	}
	if !strings.Contains(got, "DECIDE:") {
		w.t.Error("nothing in the mapping is left to decide")
	}
}

func (w *walk) backup() {
	w.t.Helper()
	w.must("pg_dump --format=custom --file=manager.dump copy_of_a_customers && createdb manager")
}

func (w *walk) loaded(string) {
	w.t.Helper()
	const count = `psql -XAtq -c "select count(*) from pg_tables where schemaname = 'public'" `
	if got := w.must(count + "manager"); got != w.must(count+"copy_of_a_customers") || strings.TrimSpace(got) == "0" {
		w.t.Errorf("%s tables were loaded", got)
	}
}

// layout compares the files of a store with the page's list of them.
func layout(t *testing.T, list string, store fs.FS) (problems []string) {
	t.Helper()
	var patterns []*regexp.Regexp
	used := map[*regexp.Regexp]bool{}
	for line := range strings.Lines(list) {
		names, _, _ := strings.Cut(strings.TrimSpace(line), "  ")
		var stem string
		for name := range strings.SplitSeq(names, ", ") {
			if strings.HasPrefix(name, ".") && stem != "" {
				name = stem + name
			}
			stem = name
			for _, one := range braces(name) {
				patterns = append(patterns, pattern(one))
			}
		}
	}
	err := fs.WalkDir(store, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		i := slices.IndexFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(path) })
		if i < 0 {
			problems = append(problems, "it does not tell of "+path)
			return nil
		}
		used[patterns[i]] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range patterns {
		if !used[p] {
			problems = append(problems, "no file in a store is "+p.String())
		}
	}
	return problems
}

// braces are the names that a{b,c} stands for.
func braces(name string) []string {
	before, rest, there := strings.Cut(name, "{")
	list, after, ends := strings.Cut(rest, "}")
	if !there || !ends {
		return []string{name}
	}
	var out []string
	for one := range strings.SplitSeq(list, ",") {
		out = append(out, before+one+after)
	}
	return out
}

// pattern is what a name on the page stands for.
func pattern(name string) *regexp.Regexp {
	p := strings.NewReplacer(
		regexp.QuoteMeta("..."), ".+", regexp.QuoteMeta("*"), "[^/]+", "<sha256>", "[0-9a-f]{64}", "<id>", "[0-9a-f]{64}",
		"<channel>", "(stable|testing)", "<NEVRA>", product+`-4\.2\.0-4\.2\.0-[0-9]+\.x86_64`, "<p>", product,
	).Replace(regexp.QuoteMeta(name))
	if strings.HasSuffix(name, "/") {
		p += ".+"
	}
	return regexp.MustCompile("^" + p + "$")
}
