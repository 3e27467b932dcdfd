package store

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/document"
	"onerpm/payload-scripts/internal/elastic"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/mapping"
)

// Converge makes the store that of a side and proves it. New brings the copy up to date,
// making the first one if there is none; nothing may write to the source any more. Old takes
// away all that a copy made; the source itself was never changed.
func (s *Store) Converge(ctx context.Context, side manifest.Side) error {
	defer s.DB.Limit(s.DB.Limit(windowLimit))
	work, absence := s.toNew, windowAbsence
	if side == manifest.Old {
		work, absence = s.toOld, returnAbsence
	}
	err := s.DB.Outlast(ctx, absence, func() error { return s.session(ctx, work) })
	if err != nil {
		return fmt.Errorf("store %s to %s: %w", s.Spec.Name, side, err)
	}
	return nil
}

func (s *Store) toNew(ctx context.Context, conn *pgx.Conn) error {
	tables, err := s.tables()
	if err != nil {
		return err
	}
	mapped, err := s.digest()
	if err != nil {
		return err
	}
	r, err := s.record(ctx, conn)
	if err != nil {
		return err
	}
	if r == nil || r.State == Copying || r.Mapping != mapped {
		if r, err = s.copy(ctx, conn); err != nil {
			return err
		}
	}
	if r.State != Proved {
		if err := s.outlast(ctx, func() error { return s.upToDate(ctx, conn, r, tables) }); err != nil {
			return err
		}
	}
	return s.proved(ctx, conn, tables)
}

// upToDate is the second reading with its proof, in one transaction: all of it or nothing.
func (s *Store) upToDate(ctx context.Context, conn *pgx.Conn, r *Record, tables []*mapping.Table) error {
	if err := errors.Join(s.From.Ready(ctx), s.From.Refresh(ctx)); err != nil {
		return ofSource(err)
	}
	before, err := s.look(ctx)
	if err != nil {
		return err
	}
	if err := s.strange(before.counts); err != nil {
		return err
	}
	_, err = s.inTx(ctx, conn, r, func(tx pgx.Tx, r *Record) error {
		if err := fit(ctx, tx, tables); err != nil {
			return err
		}
		pass := &second{Store: s, tx: tx, tables: tables, record: r, counts: before.counts}
		if err := pass.run(ctx); err != nil {
			return err
		}
		host.Point("store read again", "")
		if err := ofSource(s.From.Refresh(ctx)); err != nil {
			return err
		}
		after, err := s.look(ctx)
		if err != nil {
			return err
		}
		if !s.Live {
			if err := errors.Join(before.same(after), pass.balance()); err != nil {
				return err
			}
		}
		if err := rows(ctx, tx, tables, r); err != nil {
			return err
		}
		r.State, r.Proof = Proved, Proof{Counts: kinds(after.counts), Digest: pass.sum.String()}
		return nil
	})
	return err
}

// look is what the source says of itself.
type look struct {
	stats  map[string]elastic.Counters
	counts map[elastic.Kind]int64
}

func (s *Store) look(ctx context.Context) (l look, err error) {
	if l.stats, err = s.From.Stats(ctx); err == nil {
		l.counts, err = s.From.Counts(ctx)
	}
	return l, ofSource(err)
}

// same demands that nothing was written between two looks. Deleted documents that are still
// kept are not compared: merges take them away by themselves, and whatever deletes one lowers
// the number of documents, which only a counted write can raise again.
func (l look) same(after look) error {
	for name, now := range after.stats {
		was := l.stats[name]
		was.Gone, was.Bytes, now.Gone, now.Bytes = 0, 0, 0, 0
		if was != now {
			return fmt.Errorf("%w: index %s had %+v before and has %+v after", errChanged, name, was, now)
		}
	}
	if len(l.stats) != len(after.stats) || !maps.Equal(l.counts, after.counts) {
		return fmt.Errorf("%w: there are other indices, or other numbers of documents", errChanged)
	}
	return nil
}

// balance demands that every document of the source was read and became something.
func (s *second) balance() error {
	for _, t := range s.tables {
		l := s.record.Tables[t.Spec.Table]
		want, got := s.total(t), l.Total().Documents
		if want != got {
			return fmt.Errorf("table %s: %d documents were read, and the source has %d", t.Spec.Table, got, want)
		}
		if t.Spec.Read.Grows == "" && l.Tally.Rows != l.Rows {
			return fmt.Errorf("table %s: %d rows were made, and %d were written", t.Spec.Table, l.Tally.Rows, l.Rows)
		}
		if l.Duplicates() < 0 {
			return fmt.Errorf("table %s: it has %d rows of %d documents", t.Spec.Table, l.Rows, l.Total().Rows)
		}
	}
	return nil
}

// rows demands that the tables have as many rows as were made.
func rows(ctx context.Context, q querier, tables []*mapping.Table, r *Record) error {
	for _, t := range tables {
		var n int64
		if err := q.QueryRow(ctx, "SELECT count(*) FROM "+quoted(t.Spec)).Scan(&n); err != nil {
			return err
		}
		if want := r.Tables[t.Spec.Table].Rows; n != want {
			return fmt.Errorf("table %s has %d rows instead of %d", t.Spec.Table, n, want)
		}
	}
	return nil
}

// proved looks at the tables again, and drops what only the copy needed. The record stays for
// the way back, until Forget.
func (s *Store) proved(ctx context.Context, conn *pgx.Conn, tables []*mapping.Table) error {
	r, err := s.record(ctx, conn)
	if err != nil {
		return err
	}
	if r == nil || r.State != Proved {
		return errors.New("the copy is not proved")
	}
	if err := rows(ctx, conn, tables, r); err != nil {
		return err
	}
	for _, statement := range append(s.dropHelpers(tables), "TRUNCATE "+s.in("store_ids")+", "+s.in("store_unknown")) {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	host.Point("store proved", "")
	return nil
}

func (s *Store) dropHelpers(tables []*mapping.Table) (statements []string) {
	for i, t := range tables {
		if t.Spec.Read.Grows == "" {
			continue
		}
		name, err := t.Spec.Name()
		if err != nil {
			continue
		}
		for _, h := range s.helpers(i, t) {
			statements = append(statements, "DROP INDEX IF EXISTS "+pgx.Identifier{name[0], h.name}.Sanitize())
		}
	}
	return statements
}

// toOld empties the tables, as far as a copy filled them, and drops the record.
func (s *Store) toOld(ctx context.Context, conn *pgx.Conn) error {
	if err := s.DB.Terminate(ctx); err != nil {
		return err
	}
	tables, err := s.tables()
	if err != nil {
		return err
	}
	r, err := s.record(ctx, conn)
	if err != nil || r == nil {
		return err
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after a commit it does nothing
	if err := s.empty(ctx, tx, tables); err != nil {
		return err
	}
	if err := unused(ctx, tx, tables); err != nil {
		return err
	}
	if err := s.forget(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	host.Point("store emptied", "")
	return nil
}

// empty deletes all rows, the helpers and what is known of the rows.
func (s *Store) empty(ctx context.Context, tx pgx.Tx, tables []*mapping.Table) error {
	var names string
	for i, t := range tables {
		if i > 0 {
			names += ", "
		}
		names += quoted(t.Spec)
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
			_, err = tx.Exec(ctx, "DELETE FROM "+quoted(tables[i].Spec))
		}
	}
	if err != nil {
		return err
	}
	for _, statement := range append(s.dropHelpers(tables),
		"DELETE FROM "+s.in("store_ids")+" WHERE store = '"+s.Spec.Name+"'", "DELETE FROM "+s.in("store_unknown")+" WHERE store = '"+s.Spec.Name+"'") {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// forget drops the store's record, and the tables of records with the last one.
func (s *Store) forget(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, "DELETE FROM "+s.in("store")+" WHERE name = $1", s.Spec.Name); err != nil {
		return err
	}
	var others bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+s.in("store")+")").Scan(&others); err != nil || others {
		return err
	}
	_, err := tx.Exec(ctx, "DROP TABLE "+s.in("store")+", "+s.in("store_ids")+", "+s.in("store_unknown"))
	return err
}

// Forget drops the record, after the commit of the upgrade. The engine's schema stays: it is
// the migrations'.
func (s *Store) Forget(ctx context.Context) error {
	err := s.DB.Outlast(ctx, servingAbsence, func() error {
		return s.session(ctx, func(ctx context.Context, conn *pgx.Conn) error {
			r, err := s.record(ctx, conn)
			if err != nil || r == nil {
				return err
			}
			tx, err := conn.Begin(ctx)
			if err != nil {
				return err
			}
			defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after a commit it does nothing
			if err := s.forget(ctx, tx); err != nil {
				return err
			}
			return tx.Commit(ctx)
		})
	})
	if err != nil {
		return fmt.Errorf("forget the copy of store %s: %w", s.Spec.Name, err)
	}
	return nil
}

// ProveSource demands that the source is what a proof says: the same documents by index and
// type, and those that are not only added with the same versions and sources. It needs no
// database.
func (s *Store) ProveSource(ctx context.Context, p Proof) error {
	tables, err := s.tables()
	if err != nil {
		return err
	}
	err = errors.Join(s.From.Ready(ctx), s.From.Refresh(ctx))
	if err != nil {
		return ofSource(err)
	}
	counts, err := s.From.Counts(ctx)
	if err != nil {
		return ofSource(err)
	}
	if got := kinds(counts); !maps.Equal(got, p.Counts) {
		return fmt.Errorf("store %s: the source has %v documents instead of %v", s.Spec.Name, got, p.Counts)
	}
	var sum digest
	for _, t := range tables {
		if t.Spec.Read.Grows != "" || t.Spec.Read.Each != "" {
			continue
		}
		err := s.read(ctx, elastic.Query{Index: t.Spec.Read.Index, Type: t.Spec.Read.Type}, func(d *document.Document) error {
			sum.add(d)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if sum.String() != p.Digest {
		return fmt.Errorf("store %s: the source has other documents than when it was copied", s.Spec.Name)
	}
	return nil
}
