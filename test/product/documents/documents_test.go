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

// A busy product goes on by the clock that it is given, day by day, and curator takes a day away.
func TestWork(t *testing.T) {
	if _, err := elasticsearch.Call(t.Context(), node.Address, "DELETE", "/_all", nil); err != nil {
		t.Fatal(err)
	}
	p := documents.New(documents.Options{Address: node.Address, Seed: 3, Deployments: 1, Large: 1000})
	if err := p.Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, before, err := elasticsearch.Digest(t.Context(), node.Address)
	if err != nil {
		t.Fatal(err)
	}
	p.UseClock(func() time.Time { return time.Date(2018, 1, 1, 23, 59, 59, 0, time.UTC) })
	if err := p.Work(t.Context(), 30); err != nil {
		t.Fatal(err)
	}
	if err := p.AddBulk(t.Context(), 2500, 3); err != nil {
		t.Fatal(err)
	}
	count := func() (all int, days map[string]int) {
		t.Helper()
		days = map[string]int{}
		err := elasticsearch.Each(t.Context(), node.Address, func(d elasticsearch.Document) error {
			days[d.Index]++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range days {
			all += n
		}
		return all, days
	}
	after, days := count()
	if after < before+2500 || days["logstash-2018.01.01"] == 0 || days["logstash-2017.12.30"] == 0 || days["logstash-2017.03.01"] == 0 {
		t.Errorf("%d documents before, %d after: %v", before, after, days)
	}
	if err := p.DropOldestDay(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, days := count(); days["logstash-2017.03.01"] != 0 {
		t.Errorf("the oldest day is still there: %v", days)
	}
}
