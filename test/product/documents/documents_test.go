package documents_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"onerpm/test/product/documents"
	"onerpm/test/product/elasticsearch"
)

var node *elasticsearch.Node

func TestMain(m *testing.M) {
	var err error
	code := 1
	if node, err = elasticsearch.Start(context.Background(), elasticsearch.Options{}); err == nil {
		code = m.Run()
		err = node.Stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// The same seed writes the same documents, versions included, and another seed others.
func TestSameForASeed(t *testing.T) {
	seen := map[string]uint64{}
	for i, seed := range []uint64{1, 2, 1} {
		if _, err := elasticsearch.Call(t.Context(), node.Address, "DELETE", "/_all", nil); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		p := documents.New(documents.Options{Address: node.Address, Seed: seed, Deployments: 2, Large: 50_000})
		if err := p.Fill(t.Context()); err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		sum, n, err := elasticsearch.Digest(t.Context(), node.Address)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("seed %d: %d documents in %s, %.12s", seed, n, took.Round(time.Millisecond), sum)
		if before, again := seen[sum]; again != (i == 2) || again && before != seed {
			t.Errorf("seed %d: seen before %v, with seed %d", seed, again, before)
		}
		seen[sum] = seed
	}
}
