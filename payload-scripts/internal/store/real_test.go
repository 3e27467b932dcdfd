package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/elastic"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/payload-scripts/internal/source"
	"onerpm/payload-scripts/internal/storecheck"
	"onerpm/test/product/documents"
	"onerpm/test/product/elasticsearch"
	"onerpm/test/product/expected"
	"onerpm/test/product/testbed"
)

// productStore is the mapping of the product's jump, with its structures as pickles or as JSON.
func productStore(t testing.TB, as string) manifest.Store {
	t.Helper()
	data, err := os.ReadFile("../../../specs/3.4.2-4.0.1/upgrade.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var spec struct{ Stores []any }
	if err := yaml.Unmarshal(data, &spec); err != nil {
		t.Fatal(err)
	}
	if len(spec.Stores) != 1 {
		t.Fatalf("the jump has %d stores", len(spec.Stores))
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(instead(spec.Stores[0])); err != nil {
		t.Fatal(err)
	}
	var s manifest.Store
	if err := json.Unmarshal(b.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	if found := s.Check(); len(found) > 0 {
		t.Fatalf("%+v", found)
	}
	for _, table := range s.Tables {
		for name, c := range table.Columns {
			if c.As == manifest.AsPickle || c.As == manifest.AsJSON {
				c.As = as
				table.Columns[name] = c
			}
		}
	}
	return s
}

// instead writes lacking: skip as the manifest has it.
func instead(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if word, is := x.(string); is && (k == "lacking" || k == "unreadable") {
				x = map[string]any{"do": word}
			}
			v[k] = instead(x)
		}
	case []any:
		for i := range v {
			v[i] = instead(v[i])
		}
	}
	return v
}

func productOptions() mapping.Options {
	return mapping.Options{Values: map[string]manifest.JSON{"manager_ip": manifest.JSON(`"127.0.0.1"`), "broker_ip": manifest.JSON(`"127.0.0.1"`),
		"broker_user": manifest.JSON(`"cloudify"`), "broker_pass": manifest.JSON(`"c10udify"`), "broker_ssl": manifest.JSON(`false`)}}
}

// realStore is the product's store from a real node into a database of release 4.0.1.
func realStore(b *testbed.Bed, address, as string) *Store {
	b.Helper()
	host, port, err := net.SplitHostPort(address)
	b.Must(err)
	n, err := strconv.ParseUint(port, 10, 16)
	b.Must(err)
	db, err := database.Open(context.Background(), b.Spec, testbed.Prefix, "a1", manifest.Limits{})
	b.Must(err)
	b.Cleanup(db.Close)
	return &Store{Source: &source.Source{Spec: productStore(b.T, as), From: elastic.New(host, uint16(n))}, DB: db, Attempt: "a1", Options: productOptions()}
}

// compare demands the rows that Python says.
func compareRows(b *testbed.Bed, as, want string) {
	b.Helper()
	got := b.TempDir()
	b.Must(expected.FromTables(context.Background(), testbed.Server.As("super", b.Name), got, map[string]string{"pickle": "pickle", "json": "json"}[as]))
	for _, table := range expected.Tables {
		x, err := os.ReadFile(filepath.Join(want, table+".jsonl"))
		b.Must(err)
		y, err := os.ReadFile(filepath.Join(got, table+".jsonl"))
		b.Must(err)
		b.Same(as+" "+table, string(y), string(x))
	}
}

// TestRealNode: what a real Elasticsearch 1.6.0 has, with everything awkward in it, becomes what an
// independent reading in another language says; in two passes around a busy product, for five seeds.
func TestRealNode(t *testing.T) {
	ctx := context.Background()
	node, err := elasticsearch.Start(ctx, elasticsearch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Stop() })
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			b := testbed.New(t)
			_, err := elasticsearch.Call(ctx, node.Address, "DELETE", "/_all", nil)
			b.Must(err)
			as := []string{"pickle", "json"}[seed%2]
			p := documents.New(documents.Options{Address: node.Address, Seed: seed, Deployments: 3})
			b.Must(p.Fill(ctx))
			if seed%2 == 1 { // the context says itself where the broker is
				_, err := elasticsearch.Call(ctx, node.Address, "POST", "/cloudify_storage/provider_context/CONTEXT/_update?refresh=true",
					[]byte(`{"doc":{"context":{"cloudify":{"cloudify_agent":{"broker_ip":"192.0.2.7"}}}}}`))
				b.Must(err)
			}
			b.Create("4.0.1", false)
			b.Exec("DELETE FROM provider_context") // which its bootstrap makes
			s := realStore(b, node.Address, as)
			i, err := storecheck.Inspect(ctx, s.Source, s.Options, nil)
			b.Must(err)
			if len(i.Strange) > 0 || i.MisfitsAll > 0 || i.PendingAll > 0 {
				t.Fatalf("%+v", i)
			}
			_, err = s.Copy(ctx)
			b.Must(err)
			want := b.TempDir()
			_, err = expected.FromDocuments(ctx, node.Address, want, nil)
			b.Must(err)
			compareRows(b, as, want)
			b.Must(p.Work(ctx, 30))
			b.Must(s.Converge(ctx, manifest.New))
			want = b.TempDir()
			summary, err := expected.FromDocuments(ctx, node.Address, want, nil)
			b.Must(err)
			compareRows(b, as, want)
			r, err := s.Record(ctx)
			b.Must(err)
			for table, l := range r.Tables {
				if l.Rows != int64(summary.Rows[table]) {
					t.Errorf("%s: %d rows, %d expected", table, l.Rows, summary.Rows[table])
				}
			}
			t.Log(strings.Join(r.Reasons(), "; "))
			before := r.Proof
			b.Must(node.Term())
			b.Must(node.Restart(ctx))
			b.Must(s.Prove(ctx, before))
			b.Must(s.Converge(ctx, manifest.Old))
			b.Must(s.Prove(ctx, before))
			b.Want("SELECT count(*) FROM blueprints", "0")
		})
	}
	t.Run("misfits", func(t *testing.T) {
		b := testbed.New(t)
		_, err := elasticsearch.Call(ctx, node.Address, "DELETE", "/_all", nil)
		b.Must(err)
		p := documents.New(documents.Options{Address: node.Address, Seed: 9, Deployments: 2})
		b.Must(p.Fill(ctx))
		want, err := p.AddMisfits(ctx)
		b.Must(err)
		ended, err := p.AddUnfinished(ctx)
		b.Must(err)
		b.Must(p.AddUnknown(ctx))
		b.Create("4.0.1", false)
		i, err := storecheck.Inspect(ctx, realStore(b, node.Address, "pickle").Source, productOptions(), nil)
		b.Must(err)
		if i.MisfitsAll != int64(len(want)) || i.PendingAll != int64(len(ended)) || len(i.Strange) != 2 {
			t.Errorf("%d misfits of %d, %d under way of %d, strange %v", i.MisfitsAll, len(want), i.PendingAll, len(ended), i.Strange)
		}
		for _, m := range want {
			if !slices.ContainsFunc(i.Misfits, func(f mapping.Misfit) bool { return f.Type == m.Type && f.ID == m.ID }) {
				t.Errorf("%+v is not found", m)
			}
		}
		for _, m := range i.Misfits {
			t.Log(m)
		}
	})
}
