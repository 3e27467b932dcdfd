package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"onerpm/payload-scripts/internal/document"
	"onerpm/payload-scripts/internal/elastic"
	"onerpm/payload-scripts/internal/mapping"
)

// Inspection is what a copy would make of the documents, and what stands in its way.
type Inspection struct {
	Version   string // of the source
	Documents int64
	Bytes     int64 // on the source's disk

	Tables  map[string]Tally
	Strange []elastic.Kind // documents that nobody knows a place for

	Misfits    []mapping.Misfit // the first of them
	MisfitsAll int64
	Pending    []string // documents that are not final yet: the first of them
	PendingAll int64
}

// shown bounds what is named of each kind of finding.
const shown = 20

// Inspect reads all documents as a copy does, and writes nothing. It needs no database, so
// what a table cannot hold is known as far as the mapping says it.
func (s *Store) Inspect(ctx context.Context) (*Inspection, error) {
	s.From.Pause = polite
	defer func() { s.From.Pause = nil }()
	i := &inspection{Store: s, found: &Inspection{Tables: map[string]Tally{}}, ids: numbered{}}
	if err := i.run(ctx); err != nil {
		return nil, fmt.Errorf("look at store %s: %w", s.Spec.Name, err)
	}
	return i.found, nil
}

type inspection struct {
	*Store
	found *Inspection
	ids   numbered
}

func (i *inspection) run(ctx context.Context) error {
	tables, err := i.tables()
	if err != nil {
		return err
	}
	if err := i.From.Ready(ctx); err != nil {
		return ofSource(err)
	}
	if i.found.Version, err = i.From.Version(ctx); err != nil {
		return ofSource(err)
	}
	if err := i.From.Refresh(ctx); err != nil {
		return ofSource(err)
	}
	l, err := i.look(ctx)
	if err != nil {
		return err
	}
	for _, n := range l.counts {
		i.found.Documents += n
	}
	for _, c := range l.stats {
		i.found.Bytes += c.Bytes
	}
	if strange, is := i.strange(l.counts).(*StrangeError); is { //nolint:errorlint // it is made there
		i.found.Strange = strange.Kinds
	}
	for _, t := range tables {
		var total int64
		for _, k := range i.kindsOf(l.counts, t) {
			total += l.counts[k]
		}
		if err := i.table(ctx, t, total); err != nil {
			return err
		}
	}
	return nil
}

func (i *inspection) table(ctx context.Context, t *mapping.Table, total int64) error {
	tally := newTally()
	if t.Spec.Number != "" && t.Spec.Read.Grows == "" {
		i.ids[t.Spec.Table] = newIDs(t)
	}
	own := i.ids[t.Spec.Table]
	var at *document.Document
	sink := i.ids.sink(&tally, func(r *mapping.Row) error {
		if own != nil {
			if _, _, twice := own.see(r); twice {
				i.misfit(mapping.Misfit{Table: t.Spec.Table, Index: at.Index, Type: at.Type, ID: at.ID, Why: "another document has the same key"})
			}
		}
		if column := t.Unfinished(r); column != "" {
			if i.found.PendingAll++; len(i.found.Pending) < shown {
				i.found.Pending = append(i.found.Pending, fmt.Sprintf("%s of %s, %s", t.Spec.Table, readable(r.Key), column))
			}
		}
		return nil
	})
	sink.Misfit = func(m mapping.Misfit) error { i.misfit(m); return nil }
	err := i.read(ctx, elastic.Query{Index: t.Spec.Read.Index, Type: t.Spec.Read.Type}, func(d *document.Document) error {
		if tally.Documents++; tally.Documents%progressEvery == 0 {
			i.tell("look at "+t.Spec.Table, tally.Documents, max(total, tally.Documents))
		}
		at = d
		return t.Rows(d, sink)
	})
	i.found.Tables[t.Spec.Table] = tally
	return err
}

func (i *inspection) misfit(m mapping.Misfit) {
	if i.found.MisfitsAll++; len(i.found.Misfits) < shown {
		i.found.Misfits = append(i.found.Misfits, m)
	}
}

// Reasons lists what has no row, as "table: 12 documents, column: reason", by table.
func (i *Inspection) Reasons() (list []string) {
	for _, table := range slices.Sorted(maps.Keys(i.Tables)) {
		list = append(list, reasons(table, i.Tables[table])...)
	}
	return list
}

func reasons(table string, t Tally) (list []string) {
	for _, column := range slices.Sorted(maps.Keys(t.Skipped)) {
		for _, why := range slices.Sorted(maps.Keys(t.Skipped[column])) {
			list = append(list, fmt.Sprintf("%s: %d without a place (%s: %s)", table, t.Skipped[column][why], column, why))
		}
	}
	return list
}

// Reasons lists likewise what a copy left out.
func (r *Record) Reasons() (list []string) {
	for _, table := range slices.Sorted(maps.Keys(r.Tables)) {
		l := r.Tables[table]
		list = append(list, reasons(table, l.Total())...)
		if n := l.Duplicates() - l.Removed; n > 0 {
			list = append(list, fmt.Sprintf("%s: %d whose id another document has", table, n))
		}
		if l.Removed > 0 {
			list = append(list, fmt.Sprintf("%s: %d whose place was deleted meanwhile", table, l.Removed))
		}
	}
	return list
}
