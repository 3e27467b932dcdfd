package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"onerpm/payload-scripts/internal/copyin"
)

// Ledger is where the record of a store is kept.
type Ledger struct {
	Schema string // the engine's own
	Store  string // the store's name
}

func (l Ledger) in(table string) string { return l.Schema + "." + table }

// Ensure makes the tables.
func (l Ledger) Ensure(ctx context.Context, tx pgx.Tx) error {
	for _, statement := range []string{
		"CREATE SCHEMA IF NOT EXISTS " + l.Schema,
		"CREATE TABLE IF NOT EXISTS " + l.in("store") + " (name text PRIMARY KEY, record text NOT NULL)",
		"CREATE TABLE IF NOT EXISTS " + l.in("store_ids") + " (store text NOT NULL, tab text NOT NULL, key bytea NOT NULL, number bigint NOT NULL, marks smallint NOT NULL)",
		"CREATE TABLE IF NOT EXISTS " + l.in("store_unknown") + " (store text NOT NULL, tab text NOT NULL, part text NOT NULL, other text NOT NULL, key bytea NOT NULL)",
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("make the store's record: %w", err)
		}
	}
	return nil
}

// Querier is a session or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Read returns the record, nil when there is none.
func (l Ledger) Read(ctx context.Context, q Querier) (*Record, error) {
	var there bool
	if err := q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = $1 AND c.relname = 'store')`, l.Schema).Scan(&there); err != nil || !there {
		return nil, err
	}
	var text string
	err := q.QueryRow(ctx, "SELECT record FROM "+l.in("store")+" WHERE name = $1", l.Store).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r Record
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return nil, fmt.Errorf("the record of store %s: %w", l.Store, err)
	}
	return &r, nil
}

// Save writes the record.
func (l Ledger) Save(ctx context.Context, tx pgx.Tx, r *Record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO "+l.in("store")+" (name, record) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET record = excluded.record", l.Store, string(b))
	return err
}

// InTx runs work in one transaction, with the record as it will be; it is saved with what
// work did to it, and returned.
func (l Ledger) InTx(ctx context.Context, conn *pgx.Conn, r *Record, work func(pgx.Tx, *Record) error) (*Record, error) {
	next, err := r.clone()
	if err != nil {
		return nil, err
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after a commit it does nothing
	if err := work(tx, next); err != nil {
		return nil, err
	}
	if err := l.Save(ctx, tx, next); err != nil {
		return nil, err
	}
	if err := tx.Commit(ctx); err != nil {
		return nil, err
	}
	return next, nil
}

// Empty forgets the numbers and what was named in vain.
func (l Ledger) Empty(ctx context.Context, tx pgx.Tx) error {
	for _, table := range []string{"store_ids", "store_unknown"} {
		if _, err := tx.Exec(ctx, "DELETE FROM "+l.in(table)+" WHERE store = $1", l.Store); err != nil {
			return err
		}
	}
	return nil
}

// Forget drops all that is known of the store, and the tables with the last one.
func (l Ledger) Forget(ctx context.Context, tx pgx.Tx) error {
	if err := l.Empty(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM "+l.in("store")+" WHERE name = $1", l.Store); err != nil {
		return err
	}
	var others bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+l.in("store")+")").Scan(&others); err != nil || others {
		return err
	}
	_, err := tx.Exec(ctx, "DROP TABLE "+l.in("store")+", "+l.in("store_ids")+", "+l.in("store_unknown"))
	return err
}

// Named is what a document named in vain: the key of a row that is not there.
type Named struct{ Table, Key string }

// KeepUnknown notes what old documents of an index, copied into a table, named in vain.
func (l Ledger) KeepUnknown(ctx context.Context, tx pgx.Tx, table, index string, unknown map[Named]bool) error {
	if len(unknown) == 0 {
		return nil
	}
	_, err := copyin.Run(ctx, tx, l.in("store_unknown"), []string{"store", "tab", "part", "other", "key"}, func(_ context.Context, w *copyin.Writer) error {
		for u := range unknown {
			for _, text := range []string{l.Store, table, index, u.Table} {
				w.Text([]byte(text))
			}
			w.Bytes([]byte(u.Key))
			if err := w.End(); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// PartOf is an index of a table's documents.
type PartOf struct{ Table, Index string }

// NowKnown returns the indices in which documents named in vain what is there now.
func (l Ledger) NowKnown(ctx context.Context, tx pgx.Tx, n Numbers) (map[PartOf]bool, error) {
	found := map[PartOf]bool{}
	rows, err := tx.Query(ctx, "SELECT tab, part, other, key FROM "+l.in("store_unknown")+" WHERE store = $1", l.Store)
	if err != nil {
		return nil, err
	}
	var table, index, other string
	var key []byte
	_, err = pgx.ForEachRow(rows, []any{&table, &index, &other, &key}, func() error {
		if _, is := n.Lookup(other, key); is {
			found[PartOf{table, index}] = true
		}
		return nil
	})
	return found, err
}
