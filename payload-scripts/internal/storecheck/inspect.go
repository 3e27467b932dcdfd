// Package storecheck tells what a copy of a store would make of its documents, and what stands
// in its way, before anything is copied. It writes nothing and needs no database: what a column
// can hold stands in the bundle.
package storecheck

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/document"
	"onerpm/payload-scripts/internal/elastic"
	"onerpm/payload-scripts/internal/ledger"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/payload-scripts/internal/source"
)

// Inspection is what a copy would make of the documents.
type Inspection struct {
	Version   string // of the source
	Documents int64
	Bytes     int64 // on the source's disks
	Whole     int64 // bytes of the documents that are not only added, as they are read

	Tables  map[string]ledger.Tally
	Ignored map[string]int64    // documents that are declared to have no place, by the reason
	Strange []elastic.Kind      // documents that nobody knows a place for
	Twice   map[string]Estimate // table -> documents that are only added and whose id another one has

	Misfits    []mapping.Misfit // the first of them
	MisfitsAll int64
	Pending    []string // documents that are not final yet: the first of them
	PendingAll int64
}

// shown bounds what is named of each kind of finding.
const shown = 20

// Inspect reads all documents as a copy does.
func Inspect(ctx context.Context, s *source.Source, o mapping.Options, progress func(what string, done, total int64)) (*Inspection, error) {
	defer s.Throttle()()
	i := &inspection{Source: s, progress: progress, numbers: ledger.Numbers{},
		found: &Inspection{Tables: map[string]ledger.Tally{}, Twice: map[string]Estimate{}}}
	if err := i.all(ctx, o); err != nil {
		return nil, fmt.Errorf("look at store %s: %w", s.Spec.Name, err)
	}
	return i.found, nil
}

// Pending names documents that are not final, the first of them, and tells how many there are. It
// reads only what it needs for that.
func Pending(ctx context.Context, s *source.Source, o mapping.Options) (names []string, all int64, err error) {
	i := &inspection{Source: s, numbers: ledger.Numbers{}, found: &Inspection{Tables: map[string]ledger.Tally{}, Twice: map[string]Estimate{}}}
	needed := judging(s.Spec.Tables)
	if len(needed) == 0 {
		return nil, 0, nil
	}
	err = s.Ready(ctx)
	for _, spec := range s.Spec.Tables {
		if err == nil && needed[spec.Table] {
			err = i.table(ctx, spec, o, 0)
		}
	}
	if err != nil {
		return nil, 0, fmt.Errorf("look for documents of store %s that are not final: %w", s.Spec.Name, err)
	}
	return i.found.Pending, i.found.PendingAll, nil
}

// judging are the tables with a column that has final values, and those that they refer to.
func judging(tables []manifest.StoreTable) map[string]bool {
	needed := map[string]bool{}
	for _, t := range slices.Backward(tables) { // references lead to tables before
		for _, c := range t.Columns {
			needed[t.Table] = needed[t.Table] || len(c.Final) > 0
		}
		if !needed[t.Table] {
			continue
		}
		for _, column := range t.References() {
			needed[t.Columns[column].Row] = true
		}
		for _, e := range t.Edit {
			if e.Row != nil {
				needed[e.Row.Table] = true
			}
		}
	}
	return needed
}

type inspection struct {
	*source.Source
	found    *Inspection
	numbers  ledger.Numbers
	progress func(what string, done, total int64) // may be nil
}

func (i *inspection) all(ctx context.Context, o mapping.Options) (err error) {
	if i.found.Version, err = i.Version(ctx); err != nil {
		return err
	}
	if err := i.Ready(ctx); err != nil {
		return err
	}
	look, err := i.Look(ctx)
	if err != nil {
		return err
	}
	i.found.Documents, i.found.Bytes, i.found.Ignored = look.Counts.All(), look.Bytes(), i.Ignored(look.Counts)
	if strange, is := i.CheckUnknown(look.Counts).(*source.UnknownDocumentsError); is { //nolint:errorlint // it is made there
		i.found.Strange = strange.Kinds
	}
	for _, spec := range i.Spec.Tables {
		if err := i.table(ctx, spec, o, look.Counts.Total(spec.Read)); err != nil {
			return err
		}
	}
	return nil
}

// progressEvery is after how many documents progress is reported.
const progressEvery = 500

func (i *inspection) table(ctx context.Context, spec manifest.StoreTable, o mapping.Options, total int64) error {
	t, err := mapping.New(spec, o)
	if err != nil {
		return err
	}
	tally := ledger.NewTally()
	if ledger.Numbered(spec) {
		i.numbers[spec.Table] = ledger.NewRows(spec)
	}
	own, ids := i.numbers[spec.Table], &repeats{}
	var at *document.Document
	sink := i.numbers.Sink(&tally, func(r *mapping.Row) error {
		if own != nil {
			if _, _, twice := own.Assign(r); twice {
				i.misfit(mapping.SameKey(spec.Table, at))
			}
		}
		if column := t.Unfinished(r); column != "" {
			if i.found.PendingAll++; len(i.found.Pending) < shown {
				i.found.Pending = append(i.found.Pending, fmt.Sprintf("%s of %s, %s", spec.Table, mapping.Readable(r.Key), column))
			}
		}
		if spec.Read.Grows != "" {
			ids.add(at.ID)
		}
		return nil
	})
	sink.Misfit = func(m mapping.Misfit) error { i.misfit(m); return nil }
	err = i.Read(ctx, elastic.Query{Index: spec.Read.Index, Type: spec.Read.Type}, func(d *document.Document) error {
		if tally.Documents++; tally.Documents%progressEvery == 0 && i.progress != nil {
			i.progress("look at "+spec.Table, tally.Documents, max(total, tally.Documents))
		}
		if spec.Read.Grows == "" {
			i.found.Whole += int64(len(d.Source))
		}
		at = d
		return t.Rows(d, sink)
	})
	i.found.Tables[spec.Table] = tally
	if n := ids.count(); n.Number > 0 {
		i.found.Twice[spec.Table] = n
	}
	return err
}

func (i *inspection) misfit(m mapping.Misfit) {
	if i.found.MisfitsAll++; len(i.found.Misfits) < shown {
		i.found.Misfits = append(i.found.Misfits, m)
	}
}

// Reasons lists what has no row, and what is changed, by table.
func (i *Inspection) Reasons() (list []string) {
	for _, table := range slices.Sorted(maps.Keys(i.Tables)) {
		list = append(list, i.Tables[table].Reasons(table)...)
		if n, is := i.Twice[table]; is {
			list = append(list, fmt.Sprintf("%s: %s whose id another document has", table, n))
		}
	}
	return append(list, ledger.Ignored(i.Ignored)...)
}
