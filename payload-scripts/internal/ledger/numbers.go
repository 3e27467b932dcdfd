package store

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"onerpm/payload-scripts/internal/copyin"
	"onerpm/payload-scripts/internal/mapping"
)

// ids are the numbers of the rows of one table, by the keys of their documents.
type ids struct {
	rows  map[string]entry
	next  int64
	marks []string // the names of the table's marks
}

type entry struct {
	number int64
	marks  uint8
	seen   bool // in this reading: only such rows can be referred to
}

func newIDs(t *mapping.Table) *ids {
	return &ids{rows: map[string]entry{}, next: 1, marks: slices.Sorted(maps.Keys(t.Spec.Marks))}
}

// see returns the number of a row, a new one when it has none yet; twice when this reading
// saw the key before.
func (i *ids) see(r *mapping.Row) (number int64, fresh, twice bool) {
	e, known := i.rows[string(r.Key)]
	if !known {
		e.number = i.next
		i.next++
	}
	twice, e.seen, e.marks = e.seen, true, r.Marks
	i.rows[string(r.Key)] = e
	return e.number, !known, twice
}

// numbered are the ids of all tables whose rows have numbers, by table.
type numbered map[string]*ids

func (n numbered) lookup(table string, key []byte) (int64, bool) {
	t := n[table]
	if t == nil {
		return 0, false
	}
	e := t.rows[string(key)]
	return e.number, e.seen
}

func (n numbered) marked(table string, key []byte, mark string) bool {
	t := n[table]
	if t == nil {
		return false
	}
	e, bit := t.rows[string(key)], slices.Index(t.marks, mark)
	return e.seen && bit >= 0 && e.marks&(1<<bit) != 0
}

// loadIDs reads the numbers that rows have. With seen they can be referred to at once.
func (s *Store) loadIDs(ctx context.Context, tx pgx.Tx, tables []*mapping.Table, seen bool) (numbered, error) {
	all := numbered{}
	for _, t := range tables {
		if t.Spec.Number != "" && t.Spec.Read.Grows == "" {
			all[t.Spec.Table] = newIDs(t)
		}
	}
	rows, err := tx.Query(ctx, "SELECT tab, key, number, marks FROM "+s.in("store_ids")+" WHERE store = $1", s.Spec.Name)
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

// keep writes the numbers of new rows.
func (s *Store) keep(ctx context.Context, tx pgx.Tx, table string, fresh []string, i *ids) error {
	if len(fresh) == 0 {
		return nil
	}
	_, err := copyin.Run(ctx, tx, s.in("store_ids"), []string{"store", "tab", "key", "number", "marks"}, func(_ context.Context, w *copyin.Writer) error {
		for _, key := range fresh {
			w.Text([]byte(s.Spec.Name))
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

// count moves the sequence of a numbered table behind its rows.
func count(ctx context.Context, tx pgx.Tx, t *mapping.Table, i *ids) error {
	var sequence *string
	if err := tx.QueryRow(ctx, "SELECT pg_get_serial_sequence($1, $2)", quoted(t.Spec), t.Spec.Number).Scan(&sequence); err != nil || sequence == nil {
		return err
	}
	_, err := tx.Exec(ctx, "SELECT setval($1::regclass, $2, $3)", *sequence, max(1, i.next-1), i.next > 1)
	return err
}
