package ledger

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/copyin"
	"onerpm/payload-scripts/internal/mapping"
)

// Numbers are the numbers of the rows of all tables whose rows have one, by table.
type Numbers map[string]*Rows

// Rows are the numbers of the rows of one table, by the keys of their documents.
type Rows struct {
	rows  map[string]entry
	next  int64
	marks []string // the names of the table's marks
}

type entry struct {
	number int64
	marks  uint8
	seen   bool // in this reading: only such rows can be referred to
}

// Numbered reports whether the rows of a table have numbers.
func Numbered(t manifest.StoreTable) bool { return t.Number != "" && t.Read.Grows == "" }

// NewRows are those of a table without rows.
func NewRows(t manifest.StoreTable) *Rows {
	return &Rows{rows: map[string]entry{}, next: 1, marks: slices.Sorted(maps.Keys(t.Marks))}
}

// Assign returns the number of a row, a new one when it has none yet; twice when this reading
// saw the key before.
func (i *Rows) Assign(r *mapping.Row) (number int64, fresh, twice bool) {
	e, known := i.rows[string(r.Key)]
	if !known {
		e.number = i.next
		i.next++
	}
	twice, e.seen, e.marks = e.seen, true, r.Marks
	i.rows[string(r.Key)] = e
	return e.number, !known, twice
}

// Last is the highest number that was given, 0 for none.
func (i *Rows) Last() int64 { return i.next - 1 }

// Lookup returns the number of a row that was seen.
func (n Numbers) Lookup(table string, key []byte) (int64, bool) {
	t := n[table]
	if t == nil {
		return 0, false
	}
	e := t.rows[string(key)]
	return e.number, e.seen
}

func (n Numbers) marked(table string, key []byte, mark string) bool {
	t := n[table]
	if t == nil {
		return false
	}
	e, bit := t.rows[string(key)], slices.Index(t.marks, mark)
	return e.seen && bit >= 0 && e.marks&(1<<bit) != 0
}

// Sink counts what becomes of documents in a tally, and gives rows on.
func (n Numbers) Sink(tally *Tally, row func(*mapping.Row) error) *mapping.Sink {
	return &mapping.Sink{
		Lookup:   n.Lookup,
		Marked:   n.marked,
		Row:      func(r *mapping.Row) error { tally.Rows++; return row(r) },
		Skip:     func(k mapping.Skip) { tally.Skipped.Add(k.Column, k.Why, 1) },
		Unknown:  func(string, []byte) {},
		Replaced: func(column string, n int) { tally.Replaced[column] += int64(n) },
		Misfit:   func(m mapping.Misfit) error { return m },
	}
}

// Numbers reads the numbers that rows have. With seen they can be referred to at once.
func (l Ledger) Numbers(ctx context.Context, tx pgx.Tx, tables []manifest.StoreTable, seen bool) (Numbers, error) {
	all := Numbers{}
	for _, t := range tables {
		if Numbered(t) {
			all[t.Table] = NewRows(t)
		}
	}
	rows, err := tx.Query(ctx, "SELECT tab, key, number, marks FROM "+l.in("store_ids")+" WHERE store = $1", l.Store)
	if err != nil {
		return nil, err
	}
	var table string
	var key []byte
	var number int64
	var marks int16
	_, err = pgx.ForEachRow(rows, []any{&table, &key, &number, &marks}, func() error {
		if i := all[table]; i != nil {
			i.rows[string(key)] = entry{number, uint8(marks), seen}
			i.next = max(i.next, number+1)
		}
		return nil
	})
	return all, err
}

// Keep writes the numbers of new rows of a table.
func (l Ledger) Keep(ctx context.Context, tx pgx.Tx, table string, fresh []string, i *Rows) error {
	if len(fresh) == 0 {
		return nil
	}
	_, err := copyin.Run(ctx, tx, l.in("store_ids"), []string{"store", "tab", "key", "number", "marks"}, func(_ context.Context, w *copyin.Writer) error {
		for _, key := range fresh {
			w.Text([]byte(l.Store))
			w.Text([]byte(table))
			w.Bytes([]byte(key))
			w.Number(i.rows[key].number)
			w.Number(int64(i.rows[key].marks))
			if err := w.End(); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// DropUnseen removes the rows that this reading did not see, and calls each for them.
func (n Numbers) DropUnseen(each func(table string, number int64) error) error {
	for table, i := range n {
		for key, e := range i.rows {
			if e.seen {
				continue
			}
			delete(i.rows, key)
			if err := each(table, e.number); err != nil {
				return err
			}
		}
	}
	return nil
}

// Drop forgets the numbers of rows that stand in a table of tab and number.
func (l Ledger) Drop(ctx context.Context, tx pgx.Tx, rows string) error {
	_, err := tx.Exec(ctx, "DELETE FROM "+l.in("store_ids")+" i USING "+rows+" g WHERE i.store = $1 AND i.tab = g.tab AND i.number = g.number", l.Store)
	return err
}
