package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/elastic"
)

// The record is one row of <schema>.store for each store, changed in the transactions that
// it tells of. Beside it, <schema>.store_ids has the number of each row that others may refer
// to, by the document's key; <schema>.store_unknown the keys that documents which are only
// added named in vain.

// State is how far a store is.
type State string

// The states.
const (
	Copying State = "copying" // the first copy is under way
	Copied  State = "copied"  // it is whole, and the source goes on
	Proved  State = "proved"  // it is what the source has at the end
)

// Record is what is known of a store in the database.
type Record struct {
	Mapping string    `json:"mapping"` // digest of the mapping
	State   State     `json:"state"`
	Since   time.Time `json:"since"` // of this host's clock, before the first document was read

	Tables map[string]*Ledger `json:"tables"`

	Proof Proof `json:"proof"` // with Proved
}

// Ledger is what was made of one table.
type Ledger struct {
	Done    bool             `json:"done"`              // of a table that is read whole: the first copy of it is there
	Tally   Tally            `json:"tally"`             // likewise: of the last reading
	Parts   map[string]*Part `json:"parts"`             // of documents that are only added, by index
	Removed int64            `json:"removed,omitempty"` // rows that were there, and went with what they referred to
	Rows    int64            `json:"rows"`              // in the table
}

// Part is what was read of one index: documents whose time is before the last reading's
// bound, and the young ones after it.
type Part struct {
	Old   Tally `json:"old"`
	Young Tally `json:"young"`
}

// Skipped counts documents without a row: column -> reason -> number.
type Skipped map[string]map[string]int64

func (s Skipped) add(column, why string, n int64) {
	if s[column] == nil {
		s[column] = map[string]int64{}
	}
	s[column][why] += n
}

// Sum is all of them.
func (s Skipped) Sum() (n int64) {
	for _, reasons := range s {
		for _, count := range reasons {
			n += count
		}
	}
	return n
}

// Tally is what became of documents.
type Tally struct {
	Documents int64            `json:"documents"`
	Rows      int64            `json:"rows"`     // that they became
	Skipped   Skipped          `json:"skipped"`  // documents or items without a row
	Replaced  map[string]int64 `json:"replaced"` // characters by column that PostgreSQL cannot hold
}

func newTally() Tally { return Tally{Skipped: Skipped{}, Replaced: map[string]int64{}} }

func (t *Tally) add(o Tally) {
	t.Documents += o.Documents
	t.Rows += o.Rows
	for column, reasons := range o.Skipped {
		for why, n := range reasons {
			t.Skipped.add(column, why, n)
		}
	}
	for column, n := range o.Replaced {
		t.Replaced[column] += n
	}
}

// Total is what became of all documents of the table.
func (l *Ledger) Total() Tally {
	t := newTally()
	t.add(l.Tally)
	for _, p := range l.Parts {
		t.add(p.Old)
		t.add(p.Young)
	}
	return t
}

// Duplicates is how many documents became a row that is not there: another document has the
// same id, or what it referred to was deleted later.
func (l *Ledger) Duplicates() int64 { return l.Total().Rows - l.Rows }

// Proof is what the source had when its last write was over. The way back compares it.
type Proof struct {
	Counts map[string]int64 `json:"counts,omitempty"` // documents by index/type
	Digest string           `json:"digest,omitempty"` // of all documents that are not only added: type, id, version, source
}

func (s *Store) in(table string) string { return s.DB.Schema + "." + table }

// ensure makes the tables of the record.
func (s *Store) ensure(ctx context.Context, tx pgx.Tx) error {
	for _, statement := range []string{
		"CREATE SCHEMA IF NOT EXISTS " + s.DB.Schema,
		"CREATE TABLE IF NOT EXISTS " + s.in("store") + " (name text PRIMARY KEY, record text NOT NULL)",
		"CREATE TABLE IF NOT EXISTS " + s.in("store_ids") + " (store text NOT NULL, tab text NOT NULL, key bytea NOT NULL, number bigint NOT NULL, marks smallint NOT NULL)",
		"CREATE TABLE IF NOT EXISTS " + s.in("store_unknown") + " (store text NOT NULL, tab text NOT NULL, part text NOT NULL, other text NOT NULL, key bytea NOT NULL)",
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("make the store's record: %w", err)
		}
	}
	return nil
}

// Record returns the record, nil when there is none.
func (s *Store) Record(ctx context.Context) (r *Record, err error) {
	err = s.session(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		r, err = s.record(ctx, conn)
		return err
	})
	return r, err
}

// querier is a session or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func (s *Store) record(ctx context.Context, q querier) (*Record, error) {
	var there bool
	if err := q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = $1 AND c.relname = 'store')`, s.DB.Schema).Scan(&there); err != nil || !there {
		return nil, err
	}
	var text string
	err := q.QueryRow(ctx, "SELECT record FROM "+s.in("store")+" WHERE name = $1", s.Spec.Name).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r Record
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return nil, fmt.Errorf("the record of store %s: %w", s.Spec.Name, err)
	}
	return &r, nil
}

// save writes the record.
func (s *Store) save(ctx context.Context, tx pgx.Tx, r *Record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO "+s.in("store")+" (name, record) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET record = excluded.record", s.Spec.Name, string(b))
	return err
}

// clone copies a record, so that one whose transaction fails is forgotten.
func (r *Record) clone() (*Record, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var c Record
	return &c, json.Unmarshal(b, &c)
}

// session runs work in one session of the database. An error is fit to be shown.
func (s *Store) session(ctx context.Context, work func(context.Context, *pgx.Conn) error) error {
	conn, err := s.DB.Pool.Conn(ctx)
	if err != nil {
		return database.Explain(err)
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	err = conn.Raw(func(driver any) error {
		raw, is := driver.(interface{ Conn() *pgx.Conn })
		if !is {
			return errors.New("the database's driver is another one")
		}
		return work(ctx, raw.Conn())
	})
	return database.Explain(err)
}

// inTx runs work in one transaction, with the record as it will be; it is saved with what
// work did to it.
func (s *Store) inTx(ctx context.Context, conn *pgx.Conn, r *Record, work func(pgx.Tx, *Record) error) (*Record, error) {
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
	if err := s.save(ctx, tx, next); err != nil {
		return nil, err
	}
	if err := tx.Commit(ctx); err != nil {
		return nil, err
	}
	return next, nil
}

// kinds counts by text, for the record.
func kinds(counts map[elastic.Kind]int64) map[string]int64 {
	m := map[string]int64{}
	for k, n := range counts {
		m[k.String()] = n
	}
	return m
}
