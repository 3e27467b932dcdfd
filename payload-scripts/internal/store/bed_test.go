package store

import (
	"context"
	"slices"
	"strings"
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
	var all []string
	for _, q := range []string{
		`SELECT 'plan', id, encode(body, 'escape'), tenant::text FROM plans`,
		`SELECT 'site', s.id, p.id, s.description, s.made::text FROM sites s JOIN plans p ON p._n = s.plan`,
		`SELECT 'part', p.id, s.id, p.count::text, encode(p.properties, 'escape'), p.version::text, p.other FROM parts p JOIN sites s ON s._n = p.site`,
		`SELECT 'job', j.id, s.id, j.progress::text, j.system::text, j.facts::text FROM jobs j LEFT JOIN sites s ON s._n = j.site`,
		`SELECT 'step', t.id, t.what, s.id FROM steps t JOIN sites s ON s._n = t.site`,
		`SELECT 'setting', id, encode(body, 'escape') FROM settings`,
		`SELECT 'event', e.id, e.at::text, e.reported::text, e.message, j.id, e.causes FROM events e JOIN jobs j ON j._n = e.job`,
		`SELECT 'log', l.id, l.at::text, l.message, j.id FROM logs l LEFT JOIN jobs j ON j._n = l.job`,
	} {
		list := b.Value("SELECT string_agg(replace(x::text, E'\\n', '~'), E'\\n') FROM (" + q + ") x")
		all = append(all, strings.Split(list, "\n")...)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}
