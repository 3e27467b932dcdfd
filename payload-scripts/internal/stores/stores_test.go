package stores

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/elastic/elastictest"
	"onerpm/payload-scripts/internal/source"
	"onerpm/payload-scripts/internal/store/storetest"
	"onerpm/test/product/testbed"
)

func TestMain(m *testing.M) {
	if task := os.Getenv(taskVariable); task != "" {
		os.Exit(child(task))
	}
	testbed.Main(m)
}

// bed is a host with a source, a database and the product's configuration.
type bed struct {
	*testbed.Bed
	source *elastictest.Server
	dir    string
	m      *manifest.Manifest
	opened int
	came   bool // to the database
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{Bed: testbed.New(t), source: elastictest.New(t), dir: t.TempDir(), came: true}
	b.Exec(storetest.Schema)
	storetest.Small(b.source)
	b.configure(b.source.Port)
	s := storetest.Spec()
	conf := filepath.Join(b.dir, "product.yaml")
	s.From.Elasticsearch = manifest.HostAddress{File: conf, Format: "yaml", Host: "host", Port: "port"}
	s.Values = map[string]manifest.HostValue{"ip": {File: conf, Format: "yaml", Key: "ip"}}
	b.m = &manifest.Manifest{Prefix: testbed.Prefix, Databases: []manifest.Database{b.Spec}, Stores: []manifest.Store{s}}
	return b
}

func (b *bed) configure(port uint16) {
	b.Helper()
	b.Must(os.WriteFile(filepath.Join(b.dir, "product.yaml"), []byte(fmt.Sprintf("host: %s\nport: %d\nip: 10.0.0.1\n", b.source.Host, port)), 0o600))
}

// set is what an engine process has.
func (b *bed) set() *Set {
	return &Set{Manifest: b.m, Attempt: "a1", Secrets: filepath.Join(b.dir, "backup", "stores.json"), Notes: filepath.Join(b.dir, "stores.json"),
		With: func(ctx context.Context, spec manifest.Database, work func(*database.DB) error) error {
			b.opened++
			return with(ctx, spec, work)
		},
		Came:  func(name string) bool { return b.came && name == b.m.Databases[0].Name },
		Guard: func(ctx context.Context, _ *database.DB, work func(context.Context) error) error { return work(ctx) },
	}
}

func with(ctx context.Context, spec manifest.Database, work func(*database.DB) error) error {
	db, err := database.Open(ctx, spec, testbed.Prefix, "a1", manifest.Limits{})
	if err != nil {
		return err
	}
	defer db.Close()
	return work(db)
}

// TestThere goes to the new release, with an engine process for each step.
func TestThere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	b.source.Put("things", "job", "k", `{"id":"k","site_id":"gone","progress":"done"}`)
	b.Must(b.set().Record(false))
	b.configure(1) // which is of no importance from now on
	b.Must(b.set().Record(true))
	b.Must(b.set().Copy(ctx))
	b.Must(b.set().Converge(ctx, manifest.New))
	n, err := Notes(filepath.Join(b.dir, "stores.json"))
	b.Must(err)
	told := n["storage"]
	if told.Documents != 7 || told.Rows["jobs"] != 1 || told.Proof == nil || told.Returned || strings.Join(told.Left, "; ") != "jobs: 1 without a place (site: no such row); 1 without a place: history" {
		t.Errorf("noted %+v", told)
	}
	for _, file := range []string{"stores.json", "backup/stores.json"} {
		if i, err := os.Stat(filepath.Join(b.dir, file)); err != nil || i.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, i, err)
		}
	}
	b.Must(b.set().Forget(ctx))
	b.Must(b.set().Forget(ctx))
	b.Want("SELECT count(*) FROM parts", "1")
	b.Want("SELECT count(*) FROM pg_class WHERE relname LIKE 'store%'", "0")
}

// TestBack comes back: nothing is left, and the source is proved to have what it had, once.
func TestBack(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	before := b.SchemaDump()
	b.Must(b.set().Converge(ctx, manifest.Old)) // it never began
	b.Must(b.set().Prove(ctx))
	b.Must(b.set().Record(false))
	b.Must(b.set().Converge(ctx, manifest.New))
	b.Must(b.set().Converge(ctx, manifest.Old))
	b.Must(b.set().Converge(ctx, manifest.Old))
	b.Same("schemas", b.SchemaDump(), before)
	b.Want("SELECT count(*) FROM parts", "0")
	b.source.Restart()
	b.source.Put("things", "plan", "p", `{"id":"p","body":[]}`)
	err := b.set().Prove(ctx)
	if !errors.Is(err, source.ErrOthers) || !strings.Contains(err.Error(), filepath.Join(b.dir, "stores.json")) {
		t.Errorf("a source that was written to: %v", err)
	}
	b.source.DeleteByQuery("things", "site", func(string) bool { return true })
	b.source.Refresh()
	if err := b.set().Prove(ctx); !errors.Is(err, source.ErrOthers) || !strings.Contains(err.Error(), "0 of things/site instead of 1") {
		t.Errorf("a source that lost documents: %v", err)
	}
	b.source.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := b.set().Prove(ctx); err == nil || errors.Is(err, source.ErrOthers) {
		t.Errorf("a source that is not there: %v", err)
	}
}

// TestProvedOnce: what the old release writes after the proof is its own.
func TestProvedOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	b.Must(b.set().Record(false))
	b.Must(b.set().Converge(ctx, manifest.New))
	b.Must(b.set().Converge(ctx, manifest.Old))
	b.Must(b.set().Prove(ctx))
	b.source.Put("things", "plan", "q", `{"id":"q","body":[]}`)
	b.Must(b.set().Prove(ctx))
	n, err := Notes(filepath.Join(b.dir, "stores.json"))
	if err != nil || !n["storage"].Returned {
		t.Errorf("noted %+v, %v", n, err)
	}
}

// TestProofComesFirst: the proof is on disk before the copy is committed, so that whatever ends
// the engine, the way back has it.
func TestProofComesFirst(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	b.Must(b.set().Record(false))
	b.Must(b.set().Copy(ctx))
	b.Must(os.Mkdir(filepath.Join(b.dir, "stores.json"), 0o700)) // no file can be there
	if err := b.set().Converge(ctx, manifest.New); err == nil {
		t.Error("nothing was noted, and the copy is committed")
	}
	if record := b.Value("SELECT record FROM " + testbed.Schema + ".store"); strings.Contains(record, `"state":"proved"`) {
		t.Errorf("the record says %s", record)
	}
}

// TestOnlyNew: a database that only the new release has goes with what made it.
func TestOnlyNew(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	b.m.Databases[0].Only = manifest.New
	b.Must(b.set().Record(false))
	b.Must(b.set().Converge(ctx, manifest.New))
	b.opened = 0
	b.Must(b.set().Converge(ctx, manifest.Old))
	if b.opened > 0 {
		t.Error("a database was opened that may not be there any more")
	}
	b.Must(b.set().Prove(ctx))
}

// TestNeverCame: an attempt that ended before it came to a database, which may not answer, goes back all the same.
func TestNeverCame(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.came, b.opened = false, 0
	b.Must(b.set().Record(false))
	b.Must(b.set().Converge(context.Background(), manifest.Old))
	if b.opened > 0 {
		t.Error("the database was opened")
	}
}

// TestNotRecorded: without the source's address nothing is done.
func TestNotRecorded(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	if err := b.set().Copy(context.Background()); !errors.Is(err, errUnknown) {
		t.Errorf("error %v", err)
	}
	b.Must(os.Remove(filepath.Join(b.dir, "product.yaml")))
	if err := b.set().Record(false); err == nil || !strings.Contains(err.Error(), "product.yaml") {
		t.Errorf("error %v", err)
	}
	b.m.Stores = nil
	b.Must(errors.Join(b.set().Record(false), b.set().Copy(context.Background()), b.set().Converge(context.Background(), manifest.New), b.set().Prove(context.Background())))
	if left, _ := filepath.Glob(filepath.Join(b.dir, "*")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// TestCounter counts what is under way.
func TestCounter(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBed(t)
	b.Must(b.set().Record(false))
	count := b.set().Counter("storage")
	b.source.Put("things", "job", "k", `{"id":"k","site_id":"s","progress":"begun"}`)
	if n, err := count(ctx); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	b.source.Put("things", "job", "k", `{"id":"k","site_id":"s","progress":"done"}`)
	if n, err := count(ctx); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := b.set().Counter("other")(ctx); err == nil {
		t.Error("a store that is not there was counted")
	}
}
