package store

import (
	"context"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/elastic"
	"onerpm/payload-scripts/internal/elastic/elastictest"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/payload-scripts/internal/source"
	"onerpm/payload-scripts/internal/store/storetest"
	"onerpm/test/product/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// bed is a source and a database.
type bed struct {
	*testbed.Bed
	source *elastictest.Server
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{testbed.New(t), elastictest.New(t)}
	b.Exec(storetest.Schema)
	return b
}

// beside is another database for the same source.
func (b *bed) beside() *bed {
	b.Helper()
	o := &bed{testbed.New(b.T), b.source}
	o.Exec(storetest.Schema)
	return o
}

// store opens the store as an engine process does.
func (b *bed) store() *Store {
	b.Helper()
	db, err := database.Open(context.Background(), b.Spec, testbed.Prefix, "a1", manifest.Limits{})
	b.Must(err)
	b.Cleanup(db.Close)
	return &Store{Source: &source.Source{Spec: storetest.Spec(), From: elastic.New(b.source.Host, b.source.Port)}, DB: db, Attempt: "a1", Options: mapping.Options{Values: map[string]manifest.JSON{"ip": manifest.JSON(`"10.0.0.1"`)}}}
}

// content is all rows, with what they refer to instead of numbers.
func (b *bed) content() string {
	b.Helper()
	return storetest.Content(b.Value)
}
