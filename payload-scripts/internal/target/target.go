// Package target is the tables of a database that the documents of a store are copied into.
// It fills them, counts them and empties them, and makes what a copy needs there besides.
package target

import (
	"context"
	"fmt"
	"hash/crc32"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/copyin"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/ledger"
	"onerpm/payload-scripts/internal/mapping"
)

// Name is a table's name for SQL.
func Name(spec manifest.StoreTable) string {
	name, err := spec.Name()
	if err != nil {
		name = [2]string{"public", spec.Table}
	}
	return pgx.Identifier{name[0], name[1]}.Sanitize()
}

// Quote is a column's name for SQL.
func Quote(column string) string { return pgx.Identifier{column}.Sanitize() }

// Columns are those that Write writes.
func Columns(t *mapping.Table) []string {
	if !ledger.Numbered(t.Spec) {
		return t.Columns
	}
	return append([]string{t.Spec.Number}, t.Columns...)
}

// Write writes a row, with its number when the rows have one.
func Write(w *copyin.Writer, number int64, r *mapping.Row) error {
	if number > 0 {
		w.Number(number)
	}
	for _, c := range r.Cells {
		w.Cell(c)
	}
	return w.End()
}

// MoveSequence moves the sequence of a numbered table behind its last row.
func MoveSequence(ctx context.Context, tx pgx.Tx, t manifest.StoreTable, last int64) error {
	var sequence *string
	if err := tx.QueryRow(ctx, "SELECT pg_get_serial_sequence($1, $2)", Name(t), t.Number).Scan(&sequence); err != nil || sequence == nil {
		return err
	}
	_, err := tx.Exec(ctx, "SELECT setval($1::regclass, $2, $3)", *sequence, max(1, last), last > 0)
	return err
}

// Unused demands that nobody else has filled the tables.
func Unused(ctx context.Context, tx pgx.Tx, tables []manifest.StoreTable) error {
	for _, t := range tables {
		var filled bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+Name(t)+")").Scan(&filled); err != nil {
			return err
		}
		if filled {
			return fmt.Errorf("table %s has rows already, which no copy made", t.Table)
		}
	}
	return nil
}

// Counted demands that the tables have as many rows as the record says.
func Counted(ctx context.Context, q ledger.Querier, tables []manifest.StoreTable, r *ledger.Record) error {
	for _, t := range tables {
		var n int64
		if err := q.QueryRow(ctx, "SELECT count(*) FROM "+Name(t)).Scan(&n); err != nil {
			return err
		}
		if want := r.Tables[t.Table].Rows; n != want {
			return fmt.Errorf("table %s has %d rows instead of %d", t.Table, n, want)
		}
	}
	return nil
}

// Empty deletes all rows.
func Empty(ctx context.Context, tx pgx.Tx, tables []manifest.StoreTable) error {
	var names string
	for i, t := range tables {
		if i > 0 {
			names += ", "
		}
		names += Name(t)
	}
	_, err := tx.Exec(ctx, "SAVEPOINT store_empty")
	if err == nil {
		_, err = tx.Exec(ctx, "TRUNCATE "+names+" RESTART IDENTITY")
	}
	if database.Code(err) == "0A000" { // a table that is not of the store refers to one of them
		if _, err = tx.Exec(ctx, "ROLLBACK TO SAVEPOINT store_empty"); err != nil {
			return err
		}
		for i := len(tables) - 1; i >= 0 && err == nil; i-- {
			if _, err = tx.Exec(ctx, "DELETE FROM "+Name(tables[i])); err == nil {
				err = restart(ctx, tx, Name(tables[i]))
			}
		}
	}
	return err
}

// restart lets the sequences of a table begin anew, as TRUNCATE does.
func restart(ctx context.Context, tx pgx.Tx, table string) error {
	rows, err := tx.Query(ctx, `SELECT DISTINCT s.oid::pg_catalog.regclass::text FROM pg_catalog.pg_class s JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = s.oid
		WHERE s.relkind = 'S' AND d.deptype IN ('a', 'i') AND d.refobjid = $1::text::pg_catalog.regclass`, table)
	if err != nil {
		return err
	}
	sequences, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range sequences {
		if err == nil {
			_, err = tx.Exec(ctx, "ALTER SEQUENCE "+name+" RESTART")
		}
	}
	return err
}

// Once leaves one row of each document's id, the one that was read first, and returns how many it deleted.
func Once(ctx context.Context, tx pgx.Tx, t manifest.StoreTable) (int64, error) {
	id, order := Quote(t.IDColumn()), "ctid"
	if t.Number != "" {
		order = Quote(t.Number)
	}
	table := Name(t)
	tag, err := tx.Exec(ctx, `DELETE FROM `+table+` r USING (SELECT `+id+` AS id, (array_agg(`+order+` ORDER BY `+order+`))[1] AS kept FROM `+table+` GROUP BY `+id+` HAVING count(*) > 1) d
		WHERE r.`+id+` = d.id AND r.`+order+` <> d.kept`)
	return tag.RowsAffected(), err
}

// Helpers are indexes on the tables of a store whose documents are only added, for the time
// between the two readings: by the documents' ids, and by each reference.
type Helpers struct {
	Schema string // the engine's own: the indexes are called after it
	Store  manifest.Store
}

// each gives the helpers of the i-th table: the index's name and its column.
func (h Helpers) each(i int, work func(name, column string) error) error {
	t := h.Store.Tables[i]
	if t.Read.Grows == "" {
		return nil
	}
	prefix := fmt.Sprintf("%s_store_%08x_%d_", h.Schema, crc32.ChecksumIEEE([]byte(h.Store.Name)), i)
	if err := work(prefix+"id", t.IDColumn()); err != nil {
		return err
	}
	n := 0
	for _, column := range t.References() {
		if err := work(fmt.Sprint(prefix, n), column); err != nil {
			return err
		}
		n++
	}
	return nil
}

// Make makes those of the i-th table.
func (h Helpers) Make(ctx context.Context, tx pgx.Tx, i int) error {
	return h.each(i, func(name, column string) error {
		_, err := tx.Exec(ctx, "CREATE INDEX IF NOT EXISTS "+Quote(name)+" ON "+Name(h.Store.Tables[i])+" ("+Quote(column)+")")
		return err
	})
}

// Drop drops all of them.
func (h Helpers) Drop(ctx context.Context, tx pgx.Tx) error {
	for i, t := range h.Store.Tables {
		table, err := t.Name()
		if err != nil {
			return err
		}
		err = h.each(i, func(name, _ string) error {
			_, err := tx.Exec(ctx, "DROP INDEX IF EXISTS "+pgx.Identifier{table[0], name}.Sanitize())
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
