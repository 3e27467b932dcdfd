package store

import (
	"context"

	"onerpm/payload-scripts/internal/document"
	"onerpm/payload-scripts/internal/elastic"
	"onerpm/payload-scripts/internal/ledger"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/payload-scripts/internal/source"
)

// progressEvery is after how many documents progress is reported.
const progressEvery = 500

// readTable reads all documents of a table that is read whole. put gets each row with its number
// (0 in a table without) and whether it is new.
func (s *Store) readTable(ctx context.Context, t *mapping.Table, numbers ledger.Numbers, total int64, sum *source.Digest, put func(number int64, fresh bool, r *mapping.Row) error) (ledger.Tally, error) {
	tally := ledger.NewTally()
	own := numbers[t.Spec.Table]
	var at *document.Document
	sink := numbers.Sink(&tally, func(r *mapping.Row) error {
		if own == nil {
			return put(0, true, r)
		}
		number, fresh, twice := own.Assign(r)
		if twice {
			return mapping.SameKey(t.Spec.Table, at)
		}
		return put(number, fresh, r)
	})
	proves := s.Proves(t.Spec)
	err := s.Read(ctx, elastic.Query{Index: t.Spec.Read.Index, Type: t.Spec.Read.Type}, func(d *document.Document) error {
		if tally.Documents++; tally.Documents%progressEvery == 0 {
			s.reportProgress("copy "+t.Spec.Table, tally.Documents, max(total, tally.Documents))
		}
		if proves {
			sum.Add(d)
		}
		at = d
		return t.Rows(d, sink)
	})
	return tally, err
}
