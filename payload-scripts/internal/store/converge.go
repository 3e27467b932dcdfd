package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/ledger"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/payload-scripts/internal/source"
	"onerpm/payload-scripts/internal/target"
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
	err := s.DB.RetryLost(ctx, absence, func() error { return s.session(ctx, work) })
	if err != nil {
		return fmt.Errorf("store %s to %s: %w", s.Spec.Name, side, err)
	}
	return nil
}

func (s *Store) toNew(ctx context.Context, conn *pgx.Conn) error {
	defer s.LimitWait(windowAbsence)()
	tables, err := s.tables()
	if err != nil {
		return err
	}
	mapped, err := s.digest()
	if err != nil {
		return err
	}
	if err := s.DB.Terminate(ctx); err != nil {
		return err
	}
	r, err := s.ledger().Read(ctx, conn)
	if err != nil {
		return err
	}
	if r == nil || r.State == ledger.Copying || r.Mapping != mapped {
		if r, err = s.copy(ctx, conn); err != nil {
			return err
		}
	}
	if r.State != ledger.Proved {
		if err := s.retryUntilQuiet(ctx, func() error { return s.upToDate(ctx, conn, r, tables) }); err != nil {
			return err
		}
	}
	return s.proved(ctx, conn)
}

// lateTries is how often the second reading is begun while writes still come: of a writer that
// was stopped, what it had sent may arrive a moment later.
const lateTries = 3

// retryUntilQuiet makes the second reading; again when the source did not answer to the end, or was written to meanwhile.
func (s *Store) retryUntilQuiet(ctx context.Context, read func() error) error {
	for try := 1; ; try++ {
		err := s.RetryLost(ctx, read)
		if !errors.Is(err, source.ErrChanged) || ctx.Err() != nil {
			return err
		}
		if try == lateTries {
			return fmt.Errorf("%w; in each of %d tries, so something else than the services of this upgrade writes to it: find and stop that, then start again", err, try)
		}
		slog.Warn("the store is read again", "store", s.Spec.Name, "because", err)
	}
}

// upToDate is the second reading with its proof, in one transaction: all of it or nothing.
func (s *Store) upToDate(ctx context.Context, conn *pgx.Conn, r *ledger.Record, tables []*mapping.Table) error {
	if err := s.Ready(ctx); err != nil {
		return err
	}
	if err := s.Flush(ctx); err != nil { // what is proved must outlive a loss of power
		return err
	}
	before, err := s.Look(ctx)
	if err != nil {
		return err
	}
	if err := s.CheckUnknown(before.Counts); err != nil {
		return err
	}
	_, err = s.ledger().InTx(ctx, conn, r, func(tx pgx.Tx, r *ledger.Record) error {
		if err := target.Fit(ctx, tx, tables); err != nil {
			return err
		}
		pass := &second{Store: s, tx: tx, tables: tables, record: r, counts: before.Counts}
		if err := pass.run(ctx); err != nil {
			return err
		}
		host.Point("store read again", "")
		if err := s.Ready(ctx); err != nil {
			return err
		}
		after, err := s.Look(ctx)
		if err != nil {
			return err
		}
		if !s.Live {
			if err := errors.Join(before.Same(after), pass.checkAllRead()); err != nil {
				return err
			}
		}
		if err := target.Counted(ctx, tx, s.Spec.Tables, r); err != nil {
			return err
		}
		r.State, r.Ignored, r.Proof = ledger.Proved, s.Ignored(after.Counts), source.NewProof(after.Counts, &pass.sum)
		if s.Proved != nil {
			if err := s.Proved(r.Proof); err != nil {
				return err
			}
		}
		return pass.sequences(ctx)
	})
	return err
}

// checkAllRead fails unless every document of the source was read and has a row or a reason for none.
func (s *second) checkAllRead() error {
	for _, t := range s.Spec.Tables {
		l := s.record.Tables[t.Table]
		want, got := s.counts.Total(t.Read), l.Total().Documents
		if want != got {
			return fmt.Errorf("table %s: %d documents were read, and the source has %d", t.Table, got, want)
		}
		if t.Read.Grows == "" && l.Tally.Rows != l.Rows {
			return fmt.Errorf("table %s: %d rows were made, and %d were written", t.Table, l.Tally.Rows, l.Rows)
		}
		if l.Duplicates() < 0 {
			return fmt.Errorf("table %s: it has %d rows of %d documents", t.Table, l.Rows, l.Total().Rows)
		}
	}
	return nil
}

// proved looks at the tables again, and drops what only the copy needed. The record stays for
// the way back, until Forget.
func (s *Store) proved(ctx context.Context, conn *pgx.Conn) error {
	r, err := s.ledger().Read(ctx, conn)
	if err != nil {
		return err
	}
	if r == nil || r.State != ledger.Proved {
		return errors.New("the copy is not proved")
	}
	if err := target.Counted(ctx, conn, s.Spec.Tables, r); err != nil {
		return err
	}
	err = inTx(ctx, conn, func(tx pgx.Tx) error {
		if err := s.helpers().Drop(ctx, tx); err != nil {
			return err
		}
		return s.ledger().Empty(ctx, tx)
	})
	if err == nil {
		host.Point("store proved", "")
	}
	return err
}

// toOld empties the tables, as far as a copy filled them, and drops the record. It asks nothing
// of the source and of the host's configuration, which may be the new release's.
func (s *Store) toOld(ctx context.Context, conn *pgx.Conn) error {
	if err := s.DB.Terminate(ctx); err != nil {
		return err
	}
	r, err := s.ledger().Read(ctx, conn)
	if err != nil || r == nil {
		return err
	}
	err = inTx(ctx, conn, func(tx pgx.Tx) error {
		if err := s.empty(ctx, tx); err != nil {
			return err
		}
		if err := target.Unused(ctx, tx, s.Spec.Tables); err != nil {
			return err
		}
		return s.ledger().Forget(ctx, tx)
	})
	if err == nil {
		host.Point("store emptied", "")
	}
	return err
}

// Forget drops the record, after the commit of the upgrade. The engine's schema stays: it is
// the migrations'.
func (s *Store) Forget(ctx context.Context) error {
	err := s.DB.RetryLost(ctx, servingAbsence, func() error {
		return s.session(ctx, func(ctx context.Context, conn *pgx.Conn) error {
			r, err := s.ledger().Read(ctx, conn)
			if err != nil || r == nil {
				return err
			}
			return inTx(ctx, conn, func(tx pgx.Tx) error { return s.ledger().Forget(ctx, tx) })
		})
	})
	if err != nil {
		return fmt.Errorf("forget the copy of store %s: %w", s.Spec.Name, err)
	}
	return nil
}
