// Package store copies what the old release keeps as documents in an Elasticsearch into
// tables of PostgreSQL, as the mapping in the manifest says. Like the other resources of an
// upgrade it can be made old or new.
//
// While the old release serves, Copy makes a first copy. In the window, when nothing writes
// any more, Converge(new) brings it up to date in one transaction, proves it, and commits.
// It promises:
//
//   - the source is only read, so it is what the way back needs;
//   - stopped at any point, either call goes on or begins again when it is called again;
//   - every document has its rows, or is counted with the reason why not, or ends the work;
//   - what is new holds what the source had when its last write was over: the source's
//     counters of writes did not move meanwhile, the documents of every index and type were
//     counted, and the tables have as many rows as were made.
//
// The source is package source's, the tables package target's, and how far the copy is stands
// in the database itself, in package ledger's record.
package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/ledger"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/payload-scripts/internal/source"
	"onerpm/payload-scripts/internal/target"
)

// Store is one store of the product in an attempt. It is not safe for concurrent use.
type Store struct {
	*source.Source
	DB      *database.DB
	Options mapping.Options
	Attempt string // whose copy it is: another one's is of no use
	Live    bool   // a rehearsal: the source goes on being written, which proves nothing

	// Proved, when set, is called with what the source was proved to have, before the copy is committed.
	Proved func(source.Proof) error
	// Progress, when set, is called with how far a long piece of work is, in documents.
	Progress func(what string, done, total int64)
}

// How long the database may be away.
const (
	servingAbsence = 2 * time.Minute
	windowAbsence  = time.Minute
	returnAbsence  = 10 * time.Minute

	servingLimit = 12 * time.Hour // of a statement while the old release serves
	windowLimit  = time.Hour

	usualEarly = 10 * time.Minute // how far a document's time may lie before its writing
)

// tables prepares the mapping's tables, in their order.
func (s *Store) tables() ([]*mapping.Table, error) {
	var list []*mapping.Table
	for _, spec := range s.Spec.Tables {
		t, err := mapping.New(spec, s.Options)
		if err != nil {
			return nil, fmt.Errorf("store %s: %w", s.Spec.Name, err)
		}
		list = append(list, t)
	}
	return list, nil
}

// digest names all that decides what a copy holds.
func (s *Store) digest() (string, error) {
	b, err := json.Marshal([]any{s.Attempt, s.Spec, s.Options.Values})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

func (s *Store) early() time.Duration { return cmp.Or(s.Spec.Early.D(), usualEarly) }

func (s *Store) reportProgress(what string, done, total int64) {
	if s.Progress != nil {
		s.Progress(what, done, total)
	}
}

func (s *Store) ledger() ledger.Ledger { return ledger.Ledger{Schema: s.DB.Schema, Store: s.Spec.Name} }

func (s *Store) helpers() target.Helpers { return target.Helpers{Schema: s.DB.Schema, Store: s.Spec} }

// Record returns what is known of the copy, nil when there is none.
func (s *Store) Record(ctx context.Context) (r *ledger.Record, err error) {
	err = s.session(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		r, err = s.ledger().Read(ctx, conn)
		return err
	})
	return r, err
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

// inTx runs work in one transaction.
func inTx(ctx context.Context, conn *pgx.Conn, work func(pgx.Tx) error) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after a commit it does nothing
	if err := work(tx); err != nil {
		return err
	}
	return tx.Commit(ctx)
}
