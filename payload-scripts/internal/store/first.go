package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"onerpm/payload-scripts/internal/copyin"
	"onerpm/payload-scripts/internal/document"
	"onerpm/payload-scripts/internal/elastic"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/ledger"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/payload-scripts/internal/source"
	"onerpm/payload-scripts/internal/target"
)

// Copy makes the first copy while the old release serves: table by table, and of documents
// that are only added index by index, each in a transaction of its own. Called again, it goes
// on with what is missing; a copy that was made by another mapping or attempt is begun again. It waits
// between pages, so that the source serves others too. At its end the source is made durable.
func (s *Store) Copy(ctx context.Context) (*ledger.Record, error) {
	defer s.DB.Limit(s.DB.Limit(servingLimit))
	defer s.Throttle()()
	var r *ledger.Record
	err := s.DB.RetryLost(ctx, servingAbsence, func() error {
		return s.session(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
			r, err = s.copy(ctx, conn)
			return err
		})
	})
	if err == nil {
		err = s.RetryLost(ctx, func() error { return s.Flush(ctx) })
	}
	if err != nil {
		return nil, fmt.Errorf("copy store %s: %w", s.Spec.Name, err)
	}
	return r, nil
}

// first is a first copy under way.
type first struct {
	*Store
	conn    *pgx.Conn
	tables  []*mapping.Table
	record  *ledger.Record
	numbers ledger.Numbers
	counts  source.Counts
}

func (s *Store) copy(ctx context.Context, conn *pgx.Conn) (*ledger.Record, error) {
	f := &first{Store: s, conn: conn}
	var err error
	if f.tables, err = s.tables(); err != nil {
		return nil, err
	}
	if err := s.DB.Terminate(ctx); err != nil {
		return nil, err
	}
	if err := inTx(ctx, conn, func(tx pgx.Tx) error { return f.begin(ctx, tx) }); err != nil || f.record.State != ledger.Copying {
		return f.record, err
	}
	if err := s.Ready(ctx); err != nil {
		return nil, err
	}
	look, err := s.Look(ctx)
	if err != nil {
		return nil, err
	}
	f.counts = look.Counts
	if err := s.CheckUnknown(f.counts); err != nil {
		return nil, err
	}
	for _, t := range f.tables {
		if t.Spec.Read.Grows != "" || f.record.Tables[t.Spec.Table].Done {
			continue
		}
		if err := s.RetryLost(ctx, func() error { return f.copyTable(ctx, t) }); err != nil {
			return nil, err
		}
	}
	for _, t := range f.tables {
		if t.Spec.Read.Grows == "" {
			continue
		}
		for _, k := range f.parts(t) {
			err := s.RetryLost(ctx, func() error { return f.part(ctx, t, k) })
			if err != nil && !f.deleted(ctx, k) {
				return nil, err
			}
		}
	}
	return f.record, f.end(ctx)
}

// deleted reports whether an index that could not be read is not there any more: old ones are
// deleted while the product serves. The second reading finds that too.
func (f *first) deleted(ctx context.Context, k elastic.Kind) bool {
	now, err := f.Look(ctx)
	if err != nil || now.Counts[k] > 0 {
		return false
	}
	slog.Info("an index was deleted while it was to be copied", "index", k.Index)
	return true
}

// begin finds the record, or makes one for tables that are empty.
func (f *first) begin(ctx context.Context, tx pgx.Tx) error {
	mapped, err := f.digest()
	if err != nil {
		return err
	}
	book := f.ledger()
	if err := book.Ensure(ctx, tx); err != nil {
		return err
	}
	if err := target.Fit(ctx, tx, f.tables); err != nil {
		return err
	}
	if f.record, err = book.Read(ctx, tx); err != nil {
		return err
	}
	if f.record != nil && f.record.Mapping != mapped {
		slog.Info("the store is copied again: what is there was made by another mapping or attempt", "store", f.Spec.Name)
		if err := f.empty(ctx, tx); err != nil {
			return err
		}
		f.record = nil
	}
	if f.record == nil {
		if err := target.Unused(ctx, tx, f.Spec.Tables); err != nil {
			return err
		}
		f.record = &ledger.Record{Mapping: mapped, State: ledger.Copying, Since: time.Now().UTC().Truncate(time.Millisecond), Tables: map[string]*ledger.Table{}}
		for _, t := range f.Spec.Tables {
			f.record.Tables[t.Table] = &ledger.Table{Tally: ledger.NewTally(), Parts: map[string]*ledger.Part{}}
		}
		if err := book.Save(ctx, tx, f.record); err != nil {
			return err
		}
	}
	f.numbers, err = book.Numbers(ctx, tx, f.Spec.Tables, true)
	return err
}

// empty deletes all that a copy made, but for its record.
func (s *Store) empty(ctx context.Context, tx pgx.Tx) error {
	if err := target.Empty(ctx, tx, s.Spec.Tables); err != nil {
		return err
	}
	if err := s.helpers().Drop(ctx, tx); err != nil {
		return err
	}
	return s.ledger().Empty(ctx, tx)
}

// copyTable copies a table that is read whole.
func (f *first) copyTable(ctx context.Context, t *mapping.Table) error {
	table := t.Spec.Table
	if ledger.Numbered(t.Spec) {
		f.numbers[table] = ledger.NewRows(t.Spec) // without those of a try that failed
	}
	var fresh []string
	next, err := f.ledger().InTx(ctx, f.conn, f.record, func(tx pgx.Tx, r *ledger.Record) error {
		var tally ledger.Tally
		n, err := copyin.Run(ctx, tx, target.Name(t.Spec), target.Columns(t), func(ctx context.Context, w *copyin.Writer) (err error) {
			tally, err = f.readTable(ctx, t, f.numbers, f.counts.Total(t.Spec.Read), nil, func(number int64, _ bool, row *mapping.Row) error {
				if number > 0 {
					fresh = append(fresh, string(row.Key))
				}
				return target.Write(w, number, row)
			})
			return err
		})
		if err != nil {
			return err
		}
		r.Tables[table].Done, r.Tables[table].Tally, r.Tables[table].Rows = true, tally, n
		return f.ledger().Keep(ctx, tx, table, fresh, f.numbers[table])
	})
	if err != nil {
		return err
	}
	f.record = next
	host.Point("store copied", table)
	return nil
}

// parts lists what of documents that are only added is not copied yet, by index.
func (f *first) parts(t *mapping.Table) (list []elastic.Kind) {
	for _, k := range f.counts.Of(t.Spec.Read) {
		if f.record.Tables[t.Spec.Table].Parts[k.Index] == nil {
			list = append(list, k)
		}
	}
	return list
}

// part copies one index of documents that are only added.
func (f *first) part(ctx context.Context, t *mapping.Table, k elastic.Kind) error {
	table := t.Spec.Table
	next, err := f.ledger().InTx(ctx, f.conn, f.record, func(tx pgx.Tx, r *ledger.Record) error {
		var p *part
		n, err := copyin.Run(ctx, tx, target.Name(t.Spec), target.Columns(t), func(ctx context.Context, w *copyin.Writer) error {
			p = newPart(r.Since.Add(-f.early()), f.numbers, func(row *mapping.Row) error { return target.Write(w, 0, row) })
			return f.Read(ctx, elastic.Query{Index: k.Index, Type: k.Type}, func(d *document.Document) error {
				if n := p.Old.Documents + p.Young.Documents; n%progressEvery == 0 {
					f.reportProgress("copy "+table+" of "+k.Index, n, max(f.counts[k], n))
				}
				return p.readDocument(t, d)
			})
		})
		if err != nil {
			return err
		}
		r.Tables[table].Parts[k.Index] = &p.Part
		r.Tables[table].Rows += n
		return f.ledger().KeepUnknown(ctx, tx, table, k.Index, p.unknown)
	})
	if err != nil {
		return err
	}
	f.record = next
	host.Point("store copied", table+" "+k.Index)
	return nil
}

// part takes the documents of an index, which are only added.
type part struct {
	ledger.Part
	bound   time.Time
	sink    *mapping.Sink
	now     *ledger.Tally
	unknown map[ledger.Named]bool // what old documents named in vain
	table   *mapping.Table
}

func newPart(bound time.Time, numbers ledger.Numbers, row func(*mapping.Row) error) *part {
	p := &part{Part: ledger.Part{Old: ledger.NewTally(), Young: ledger.NewTally()}, bound: bound, unknown: map[ledger.Named]bool{}}
	probe := ledger.NewTally() // which of the two a document belongs to is known when it is read
	p.sink = numbers.Sink(&probe, nil)
	p.sink.Row = func(r *mapping.Row) error { p.choose().Rows++; return row(r) }
	p.sink.Skip = func(k mapping.Skip) { p.choose().Skipped.Add(k.Column, k.Why, 1) }
	p.sink.Replaced = func(column string, n int) { p.choose().Replaced[column] += int64(n) }
	p.sink.Unknown = func(table string, key []byte) {
		if p.choose() == &p.Old {
			p.unknown[ledger.Named{Table: table, Key: string(key)}] = true
		}
	}
	return p
}

// choose reports whether the document that is being read is old or young.
func (p *part) choose() *ledger.Tally {
	if p.now == nil {
		p.now = &p.Old
		if at, ok := p.table.WrittenAt(); ok && !at.Before(p.bound) {
			p.now = &p.Young
		}
	}
	return p.now
}

func (p *part) readDocument(t *mapping.Table, d *document.Document) error {
	p.table, p.now = t, nil
	err := t.Rows(d, p.sink)
	p.choose().Documents++
	return err
}

// end makes what the second reading needs: the same id only once, indexes by which rows are
// found again, sequences behind the rows, statistics.
func (f *first) end(ctx context.Context) error {
	next, err := f.ledger().InTx(ctx, f.conn, f.record, func(tx pgx.Tx, r *ledger.Record) error {
		for i, t := range f.Spec.Tables {
			if t.Read.Grows != "" {
				if err := f.helpers().Make(ctx, tx, i); err != nil {
					return err
				}
				n, err := target.Once(ctx, tx, t)
				if err != nil {
					return err
				}
				r.Tables[t.Table].Rows -= n
			}
			if rows := f.numbers[t.Table]; rows != nil {
				if err := target.MoveSequence(ctx, tx, t, rows.Last()); err != nil {
					return err
				}
			}
			if _, err := tx.Exec(ctx, "ANALYZE "+target.Name(t)); err != nil {
				return err
			}
		}
		r.State = ledger.Copied
		return nil
	})
	if err != nil {
		return err
	}
	f.record = next
	host.Point("store copied", "")
	return nil
}
