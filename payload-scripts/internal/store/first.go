package store

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"onerpm/payload-scripts/internal/copyin"
	"onerpm/payload-scripts/internal/document"
	"onerpm/payload-scripts/internal/elastic"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/mapping"
)

// Copy makes the first copy while the old release serves: table by table, and of documents
// that are only added index by index, each in a transaction of its own. Called again, it goes
// on with what lacks; a copy that was made by another mapping is begun again. It waits between pages, so that the
// source serves others too.
func (s *Store) Copy(ctx context.Context) (*Record, error) {
	defer s.DB.Limit(s.DB.Limit(servingLimit))
	s.From.Pause = polite
	defer func() { s.From.Pause = nil }()
	var r *Record
	err := s.DB.Outlast(ctx, servingAbsence, func() error {
		return s.session(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
			r, err = s.copy(ctx, conn)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("copy store %s: %w", s.Spec.Name, err)
	}
	return r, nil
}

// first is a first copy under way.
type first struct {
	*Store
	conn   *pgx.Conn
	tables []*mapping.Table
	record *Record
	ids    numbered
	counts map[elastic.Kind]int64
}

func (s *Store) copy(ctx context.Context, conn *pgx.Conn) (*Record, error) {
	f := &first{Store: s, conn: conn}
	var err error
	if f.tables, err = s.tables(); err != nil {
		return nil, err
	}
	if err := s.From.Ready(ctx); err != nil {
		return nil, ofSource(err)
	}
	if err := f.begin(ctx); err != nil || f.record.State != Copying {
		return f.record, err
	}
	if err := s.From.Refresh(ctx); err != nil {
		return nil, ofSource(err)
	}
	if f.counts, err = s.From.Counts(ctx); err != nil {
		return nil, ofSource(err)
	}
	if err := s.strange(f.counts); err != nil {
		return nil, err
	}
	for _, t := range f.tables {
		if t.Spec.Read.Grows != "" || f.record.Tables[t.Spec.Table].Done {
			continue
		}
		if err := s.outlast(ctx, func() error { return f.whole(ctx, t) }); err != nil {
			return nil, err
		}
	}
	for _, t := range f.tables {
		if t.Spec.Read.Grows == "" {
			continue
		}
		for _, k := range f.parts(t) {
			if err := s.outlast(ctx, func() error { return f.part(ctx, t, k) }); err != nil {
				return nil, err
			}
		}
	}
	return f.record, f.end(ctx)
}

// begin finds the record, or makes one for tables that are empty.
func (f *first) begin(ctx context.Context) error {
	mapped, err := f.digest()
	if err != nil {
		return err
	}
	tx, err := f.conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after a commit it does nothing
	if err := f.ensure(ctx, tx); err != nil {
		return err
	}
	if err := fit(ctx, tx, f.tables); err != nil {
		return err
	}
	if f.record, err = f.Store.record(ctx, tx); err != nil {
		return err
	}
	if f.record != nil && f.record.Mapping != mapped {
		slog.Info("the store is copied again: its mapping is another one", "store", f.Spec.Name)
		if err := f.empty(ctx, tx, f.tables); err != nil {
			return err
		}
		f.record = nil
	}
	if f.record == nil {
		if err := unused(ctx, tx, f.tables); err != nil {
			return err
		}
		f.record = &Record{Mapping: mapped, State: Copying, Since: time.Now().UTC().Truncate(time.Millisecond), Tables: map[string]*Ledger{}}
		for _, t := range f.tables {
			f.record.Tables[t.Spec.Table] = &Ledger{Tally: newTally(), Parts: map[string]*Part{}}
		}
		if err := f.save(ctx, tx, f.record); err != nil {
			return err
		}
	}
	if f.ids, err = f.loadIDs(ctx, tx, f.tables, true); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// unused demands that nobody else has filled the tables.
func unused(ctx context.Context, tx pgx.Tx, tables []*mapping.Table) error {
	for _, t := range tables {
		var filled bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+quoted(t.Spec)+")").Scan(&filled); err != nil {
			return err
		}
		if filled {
			return fmt.Errorf("table %s has rows already, which no copy made", t.Spec.Table)
		}
	}
	return nil
}

// whole copies a table that is read whole.
func (f *first) whole(ctx context.Context, t *mapping.Table) error {
	table := t.Spec.Table
	if t.Spec.Number != "" {
		f.ids[table] = newIDs(t) // of a try that failed
	}
	var fresh []string
	next, err := f.inTx(ctx, f.conn, f.record, func(tx pgx.Tx, r *Record) error {
		var tally Tally
		n, err := copyin.Run(ctx, tx, quoted(t.Spec), columns(t), func(ctx context.Context, w *copyin.Writer) (err error) {
			tally, err = f.Store.whole(ctx, t, f.ids, f.total(t), nil, func(number int64, _ bool, row *mapping.Row) error {
				if number > 0 {
					fresh = append(fresh, string(row.Key))
				}
				return write(w, number, row)
			})
			return err
		})
		if err != nil {
			return err
		}
		r.Tables[table].Done, r.Tables[table].Tally, r.Tables[table].Rows = true, tally, n
		return f.keep(ctx, tx, table, fresh, f.ids[table])
	})
	if err != nil {
		return err
	}
	f.record = next
	host.Point("store copied", table)
	return nil
}

func (s *Store) kindsOf(counts map[elastic.Kind]int64, t *mapping.Table) (list []elastic.Kind) {
	for k := range counts {
		if matches(k, t.Spec.Read.Index, t.Spec.Read.Type) {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b elastic.Kind) int { return compare(a.Index, b.Index) })
	return list
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// total is how many documents a table is made of.
func (f *first) total(t *mapping.Table) (n int64) {
	for _, k := range f.kindsOf(f.counts, t) {
		n += f.counts[k]
	}
	return n
}

// parts lists what of documents that are only added is not copied yet, by index.
func (f *first) parts(t *mapping.Table) (list []elastic.Kind) {
	for _, k := range f.kindsOf(f.counts, t) {
		if f.record.Tables[t.Spec.Table].Parts[k.Index] == nil {
			list = append(list, k)
		}
	}
	return list
}

// part copies one index of documents that are only added.
func (f *first) part(ctx context.Context, t *mapping.Table, k elastic.Kind) error {
	table := t.Spec.Table
	next, err := f.inTx(ctx, f.conn, f.record, func(tx pgx.Tx, r *Record) error {
		var p *part
		n, err := copyin.Run(ctx, tx, quoted(t.Spec), columns(t), func(ctx context.Context, w *copyin.Writer) error {
			p = newPart(r.Since.Add(-f.early()), f.ids, func(row *mapping.Row) error { return write(w, 0, row) })
			err := f.read(ctx, elastic.Query{Index: k.Index, Type: k.Type}, func(d *document.Document) error {
				if n := p.Old.Documents + p.Young.Documents; n%progressEvery == 0 {
					f.tell("copy "+table+" of "+k.Index, n, max(f.counts[k], n))
				}
				return p.take(t, d)
			})
			return err
		})
		if err != nil {
			return err
		}
		r.Tables[table].Parts[k.Index] = &p.Part
		r.Tables[table].Rows += n
		return f.keepUnknown(ctx, tx, table, k.Index, p.unknown)
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
	Part
	bound   time.Time
	sink    *mapping.Sink
	now     *Tally
	unknown map[[2]string]bool // table and key that old documents named in vain
	table   *mapping.Table
}

func newPart(bound time.Time, ids numbered, row func(*mapping.Row) error) *part {
	p := &part{Part: Part{newTally(), newTally()}, bound: bound, unknown: map[[2]string]bool{}}
	probe := newTally() // which of the two a document belongs to is known when it is read
	p.sink = ids.sink(&probe, nil)
	p.sink.Row = func(r *mapping.Row) error { p.choose().Rows++; return row(r) }
	p.sink.Skip = func(k mapping.Skip) { p.choose().Skipped.add(k.Column, k.Why, 1) }
	p.sink.Replaced = func(column string, n int) { p.choose().Replaced[column] += int64(n) }
	p.sink.Unknown = func(table string, key []byte) {
		if p.choose() == &p.Old {
			p.unknown[[2]string{table, string(key)}] = true
		}
	}
	return p
}

// choose tells whether the document that is being read is old or young.
func (p *part) choose() *Tally {
	if p.now == nil {
		p.now = &p.Old
		if at, ok := p.table.Grown(); ok && !at.Before(p.bound) {
			p.now = &p.Young
		}
	}
	return p.now
}

func (p *part) take(t *mapping.Table, d *document.Document) error {
	p.table, p.now = t, nil
	err := t.Rows(d, p.sink)
	p.choose().Documents++
	return err
}

// keepUnknown notes what old documents of an index named in vain: when it is there later, the
// index is read again.
func (s *Store) keepUnknown(ctx context.Context, tx pgx.Tx, table, index string, unknown map[[2]string]bool) error {
	if len(unknown) == 0 {
		return nil
	}
	_, err := copyin.Run(ctx, tx, s.in("store_unknown"), []string{"store", "tab", "part", "other", "key"}, func(_ context.Context, w *copyin.Writer) error {
		for u := range unknown {
			for _, text := range []string{s.Spec.Name, table, index, u[0]} {
				w.Text([]byte(text))
			}
			w.Bytes([]byte(u[1]))
			if err := w.End(); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// end makes what the second reading needs: the same id only once, indexes by which rows are
// found again, sequences behind the rows, statistics.
func (f *first) end(ctx context.Context) error {
	next, err := f.inTx(ctx, f.conn, f.record, func(tx pgx.Tx, r *Record) error {
		for i, t := range f.tables {
			if t.Spec.Read.Grows == "" {
				continue
			}
			for _, h := range f.helpers(i, t) {
				if _, err := tx.Exec(ctx, "CREATE INDEX IF NOT EXISTS "+quote(h.name)+" ON "+quoted(t.Spec)+" ("+quote(h.column)+")"); err != nil {
					return err
				}
			}
			n, err := once(ctx, tx, t)
			if err != nil {
				return err
			}
			r.Tables[t.Spec.Table].Rows -= n
		}
		for _, t := range f.tables {
			if ids := f.ids[t.Spec.Table]; ids != nil {
				if err := count(ctx, tx, t, ids); err != nil {
					return err
				}
			}
			if _, err := tx.Exec(ctx, "ANALYZE "+quoted(t.Spec)); err != nil {
				return err
			}
		}
		r.State = Copied
		return nil
	})
	if err != nil {
		return err
	}
	f.record = next
	host.Point("store copied", "")
	return nil
}

// helper is an index of our own on a table whose documents are only added.
type helper struct{ name, column string }

// helpers lists those of the i-th table: by the documents' ids, and by each reference.
func (s *Store) helpers(i int, t *mapping.Table) []helper {
	list := []helper{{fmt.Sprintf("%s_store_%d_id", s.DB.Schema, i), t.Spec.IDColumn()}}
	for n, column := range t.Columns {
		if t.Spec.Columns[column].Row != "" {
			list = append(list, helper{fmt.Sprintf("%s_store_%d_%d", s.DB.Schema, i, n), column})
		}
	}
	return list
}

// once leaves one row of each document's id: the one that was read first.
func once(ctx context.Context, tx pgx.Tx, t *mapping.Table) (int64, error) {
	id, order := quote(t.Spec.IDColumn()), "ctid"
	if t.Spec.Number != "" {
		order = quote(t.Spec.Number)
	}
	table := quoted(t.Spec)
	tag, err := tx.Exec(ctx, `DELETE FROM `+table+` r USING (SELECT `+id+` AS id, (array_agg(`+order+` ORDER BY `+order+`))[1] AS kept FROM `+table+` GROUP BY `+id+` HAVING count(*) > 1) d
		WHERE r.`+id+` = d.id AND r.`+order+` <> d.kept`)
	return tag.RowsAffected(), err
}
