package documents

import (
	"context"

	"onerpm/test/product/internal/elastic"
)

// writer writes as the product does, in the JSON that its programs make.
type writer struct{ es elastic.Client }

// isStatus tells an answer with that status from other errors.
func isStatus(err error, status int) bool { return elastic.IsStatus(err, status) }

func (w writer) create(ctx context.Context, kind, id string, doc object) error {
	return w.es.Create(ctx, kind, id, python.encode(doc))
}

func (w writer) update(ctx context.Context, kind, id string, fields object) error {
	return w.es.Update(ctx, kind, id, python.encode(fields))
}

func (w writer) replace(ctx context.Context, kind, id string, doc object, version int) (int, error) {
	return w.es.Replace(ctx, kind, id, python.encode(doc), version)
}

func (w writer) remove(ctx context.Context, kind, id string) error { return w.es.Delete(ctx, kind, id) }

func (w writer) removeOf(ctx context.Context, deployment string) error {
	return w.es.DeleteOf(ctx, deployment)
}

// entry is one event or log.
type entry struct {
	index, kind, id string
	doc             object
}

func (w writer) bulk(ctx context.Context, entries []entry) error {
	all := make([]elastic.Entry, len(entries))
	for i, e := range entries {
		all[i] = elastic.Entry{Index: e.index, Type: e.kind, ID: e.id, Source: ruby.encode(e.doc)}
	}
	return w.es.Bulk(ctx, all)
}
