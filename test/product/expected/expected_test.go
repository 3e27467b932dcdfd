package expected_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"onerpm/test/product/documents"
	"onerpm/test/product/elasticsearch"
	"onerpm/test/product/expected"
	"onerpm/test/product/pgserver"
)

var (
	source   *elasticsearch.Node
	postgres *pgserver.Server
)

func TestMain(m *testing.M) {
	var err error
	code := 1
	if source, err = elasticsearch.Start(context.Background(), elasticsearch.Options{}); err == nil {
		if postgres, err = pgserver.Start(context.Background()); err == nil {
			code = m.Run()
			err = postgres.Stop()
		}
		err = errors.Join(err, source.Stop())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func call(t *testing.T, method, path, body string) {
	t.Helper()
	if _, err := elasticsearch.Call(t.Context(), source.Address, method, path, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

func fill(t *testing.T, o documents.Options) *documents.Product {
	t.Helper()
	call(t, "DELETE", "/_all", "")
	o.Address = source.Address
	p := documents.New(o)
	if err := p.Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func rows(t *testing.T, settings map[string]any) (string, expected.Summary) {
	t.Helper()
	folder := t.TempDir()
	s, err := expected.FromDocuments(t.Context(), source.Address, folder, settings)
	if err != nil {
		t.Fatal(err)
	}
	return folder, s
}

// Documents written by hand give the rows written by hand: a line of testdata/documents.jsonl is an index, a type, an id and
// a source, which is sent as it stands.
func TestByHand(t *testing.T) {
	call(t, "DELETE", "/_all", "")
	storage, err := os.ReadFile("../internal/elastic/storage.json")
	if err != nil {
		t.Fatal(err)
	}
	call(t, "PUT", "/cloudify_storage", string(storage))
	documents, err := os.ReadFile("testdata/documents.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(documents)) {
		var d []json.RawMessage
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		path := ""
		for _, part := range d[:3] {
			path += "/" + url.PathEscape(strings.Trim(string(part), `"`))
		}
		call(t, "PUT", path+"?op_type=create", string(d[3]))
	}
	got, s := rows(t, nil)
	differ(t, "testdata/rows", got, 0)
	want := map[string]map[string]int{
		"cloudify_event": {"it is there already, from an older index": 1}, "cloudify_log": {"it names no execution": 1, "its execution is not there": 1},
		"deployment": {"its blueprint is not there": 1}, "execution": {"its deployment is not there": 1}, "node": {"its deployment is not there": 1},
		"node_instance": {"its node is not there": 1},
	}
	if !reflect.DeepEqual(s.NoPlace, want) {
		t.Errorf("without a place: %v", s.NoPlace)
	}
	if s.Replaced["blueprints.description"] != 2 || s.LeftOut["deployment_updates._execution_fk"] != 1 {
		t.Errorf("replaced %v, left out %v", s.Replaced, s.LeftOut)
	}
}

// Every row fits the schema of 4.0.1, and comes out of it as it went in, as pickles and as JSON; one value that
// is another one is seen.
func TestRowsFitTheSchema(t *testing.T) {
	fill(t, documents.Options{Seed: 7, Deployments: 3})
	want, s := rows(t, nil)
	for _, table := range expected.Tables {
		if s.Rows[table] == 0 {
			t.Errorf("%s has no row", table)
		}
	}
	if len(s.Misfits) > 0 || len(s.Refused) > 0 {
		t.Errorf("not to be copied: %v %v", s.Misfits, s.Refused)
	}
	for kind, reasons := range map[string][]string{
		"deployment": {"its blueprint is not there"}, "node": {"its deployment is not there"}, "node_instance": {"its node is not there"},
		"execution": {"its deployment is not there"}, "deployment_update": {"its deployment is not there"}, "deployment_modification": {"its deployment is not there"},
		"cloudify_event": {"it names no execution", "its execution is not there", "it is there already, from an older index"},
		"cloudify_log":   {"it names no execution", "its execution is not there", "it is there already, from an older index"},
	} {
		for _, r := range reasons {
			if s.NoPlace[kind][r] == 0 {
				t.Errorf("no %s without a place because %s: %v", kind, r, s.NoPlace)
			}
		}
	}
	if s.LeftOut["deployment_updates._execution_fk"] == 0 || len(s.Replaced) == 0 {
		t.Errorf("left out %v, replaced %v", s.LeftOut, s.Replaced)
	}
	placed, read := 0, 0
	for _, n := range s.Rows {
		placed += n
	}
	for _, reasons := range s.NoPlace {
		for _, n := range reasons {
			placed += n
		}
	}
	for _, kinds := range s.Read {
		for _, n := range kinds {
			read += n
		}
	}
	if placed-s.Rows["deployment_update_steps"] != read {
		t.Errorf("%d documents, but %d rows and documents without a place", read, placed-s.Rows["deployment_update_steps"])
	}
	for _, encoding := range []string{"pickle", "json"} {
		t.Run(encoding, func(t *testing.T) {
			dsn := database(t)
			load(t, dsn, want, encoding)
			got := t.TempDir()
			if err := expected.FromTables(t.Context(), dsn, got, encoding); err != nil {
				t.Fatal(err)
			}
			differ(t, want, got, 0)
			execute(t, dsn, "UPDATE node_instances SET version = version + 1 WHERE _storage_id = (SELECT min(_storage_id) FROM node_instances)")
			if err := expected.FromTables(t.Context(), dsn, got, encoding); err != nil {
				t.Fatal(err)
			}
			differ(t, want, got, 2)
			execute(t, dsn, `UPDATE blueprints SET plan = '\x80045d942e'`) // a list, by protocol 4
			if err := expected.FromTables(t.Context(), dsn, got, encoding); err == nil {
				t.Error("what Python 2 cannot read is taken for good")
			}
		})
	}
}

func differ(t *testing.T, want, got string, lines int) {
	t.Helper()
	diff, err := expected.Compare(want, got)
	if err != nil || len(diff) != lines {
		t.Errorf("%d lines differ, not %d (%v): %.3000q", len(diff), lines, err, diff)
	}
}

func database(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("d%d", os.Getpid()) + filepath.Base(t.Name())
	admin := fmt.Sprintf("host=127.0.0.1 port=%d user=super dbname=postgres", postgres.Port)
	execute(t, admin, "CREATE DATABASE "+name)
	dsn := fmt.Sprintf("host=127.0.0.1 port=%d user=super dbname=%s", postgres.Port, name)
	schema, err := os.ReadFile("../schema/4.0.1.sql")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, dsn, string(schema))
	execute(t, dsn, "INSERT INTO tenants VALUES (0, 'default_tenant'); INSERT INTO users (id, username) VALUES (0, 'admin')")
	return dsn
}

func execute(t *testing.T, dsn, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, dsn, folder, encoding string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `set -e; python3 -B testdata/load.py "$1" "$2" > "$1/load.sql"; psql -X -q -v ON_ERROR_STOP=1 -d "$3" -f "$1/load.sql"`,
		"sh", folder, encoding, dsn)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("load: %v\n%.3000s", err, out)
	}
}

// What must not be copied is told by document and field: what fits no column, what is under way, what nobody knows.
func TestRefused(t *testing.T) {
	p := fill(t, documents.Options{Seed: 8, Deployments: 1, Large: 1000})
	misfits, err := p.AddMisfits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unfinished, err := p.AddUnfinished(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AddUnknown(t.Context()); err != nil {
		t.Fatal(err)
	}
	call(t, "POST", "/logstash-2017.03.01/_close", "")
	_, s := rows(t, nil)
	for _, m := range misfits {
		if !slices.Contains(s.Misfits, expected.Misfit{Type: m.Type, ID: m.ID, Field: m.Field}) {
			t.Errorf("not told: %+v", m)
		}
	}
	if len(s.Misfits) != len(misfits) {
		t.Errorf("%d misfits, not %d: %+v", len(s.Misfits), len(misfits), s.Misfits)
	}
	told := map[string]int{}
	for _, r := range s.Refused {
		told[r.What]++
	}
	if told["execution under way"] != len(unfinished) || told["unknown index"] != 1 || told["unknown type"] != 1 || told["closed index"] != 1 {
		t.Errorf("refused: %+v", s.Refused)
	}
	ended := map[string]any{}
	for _, id := range unfinished {
		ended[id] = "ended by the admin"
	}
	_, s = rows(t, map[string]any{"failed": ended})
	if len(s.Refused) != 3 {
		t.Errorf("with the admin's word: %+v", s.Refused)
	}
}
