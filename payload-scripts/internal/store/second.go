package store

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/copyin"
	"onerpm/payload-scripts/internal/ledger"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/payload-scripts/internal/source"
	"onerpm/payload-scripts/internal/target"
)

// second brings a copy up to date, in one transaction, when nothing writes any more.
type second struct {
	*Store
	tx      pgx.Tx
	tables  []*mapping.Table
	record  *ledger.Record
	numbers ledger.Numbers
	counts  source.Counts
	sum     source.Digest
	pending []string               // documents that may not be as they are
	again   map[ledger.PartOf]bool // what must be read whole
}

// pendingShown bounds how many documents are named.
const pendingShown = 10

// PendingError tells of documents that are in a state which the new release cannot take over.
type PendingError struct {
	Documents []string // the first of them
	More      bool
}

func (e *PendingError) Error() string {
	text := strings.Join(e.Documents, "; ")
	if e.More {
		text += "; and more"
	}
	return "documents that are not final: " + text + "; wait for the end of that work, or decide about it by lines \"ended\" of the settings, then start again"
}

func (s *second) run(ctx context.Context) error {
	var err error
	if s.numbers, err = s.ledger().Numbers(ctx, s.tx, s.Spec.Tables, false); err != nil {
		return err
	}
	for i, t := range s.tables {
		if t.Spec.Read.Grows == "" {
			if err := s.updateTable(ctx, i, t); err != nil {
				return fmt.Errorf("table %s: %w", t.Spec.Table, err)
			}
		}
	}
	if len(s.pending) > 0 && !s.Live {
		return &PendingError{s.pending[:min(len(s.pending), pendingShown)], len(s.pending) > pendingShown}
	}
	if err := s.gone(ctx); err != nil {
		return err
	}
	if s.again, err = s.ledger().NowKnown(ctx, s.tx, s.numbers); err != nil {
		return err
	}
	for i, t := range s.tables {
		if t.Spec.Read.Grows != "" {
			if err := s.updateGrowing(ctx, i, t); err != nil {
				return fmt.Errorf("table %s: %w", t.Spec.Table, err)
			}
		}
	}
	return nil
}

// sequences moves those of the numbered tables behind their last rows. A transaction that is given up
// would not take that back, so it is the last thing.
func (s *second) sequences(ctx context.Context) error {
	for _, t := range s.Spec.Tables {
		if rows := s.numbers[t.Table]; rows != nil {
			if err := target.MoveSequence(ctx, s.tx, t, rows.Last()); err != nil {
				return err
			}
		}
	}
	return nil
}

// stage makes an empty table like one of the mapping's, which is gone with the transaction.
func (s *second) stage(ctx context.Context, i int, t *mapping.Table, more string) (string, error) {
	name := target.Quote(fmt.Sprintf("store_stage_%d", i))
	_, err := s.tx.Exec(ctx, "CREATE TEMP TABLE "+name+" (LIKE "+target.Name(t.Spec)+" INCLUDING DEFAULTS"+more+") ON COMMIT DROP")
	return "pg_temp." + name, err
}

func (s *second) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := s.tx.Exec(ctx, sql, args...)
	return tag.RowsAffected(), err
}

// list names columns for SQL, each with something before it.
func list(columns []string, before string) string {
	var quoted []string
	for _, c := range columns {
		quoted = append(quoted, before+target.Quote(c))
	}
	return strings.Join(quoted, ", ")
}

// comparable lists a table's columns so that they can be compared: the type json has no equality.
func comparable(t *mapping.Table, before string) string {
	var quoted []string
	for _, c := range t.Columns {
		as := ""
		if t.Spec.Columns[c].As == manifest.AsJSONText {
			as = "::text"
		}
		quoted = append(quoted, before+target.Quote(c)+as)
	}
	return strings.Join(quoted, ", ")
}

// updateTable reads a table's documents again, and changes the rows that are others now. Rows that
// are gone stay until nothing refers to them.
func (s *second) updateTable(ctx context.Context, i int, t *mapping.Table) error {
	stage, err := s.stage(ctx, i, t, "")
	if err != nil {
		return err
	}
	var fresh []string
	var tally ledger.Tally
	n, err := copyin.Run(ctx, s.tx, stage, target.Columns(t), func(ctx context.Context, w *copyin.Writer) (err error) {
		tally, err = s.readTable(ctx, t, s.numbers, s.counts.Total(t.Spec.Read), &s.sum, func(number int64, isNew bool, row *mapping.Row) error {
			if number > 0 && isNew {
				fresh = append(fresh, string(row.Key))
			}
			if column := t.Unfinished(row); column != "" && len(s.pending) <= pendingShown {
				s.pending = append(s.pending, fmt.Sprintf("%s of %s, %s", t.Spec.Table, mapping.Readable(row.Key), column))
			}
			return target.Write(w, number, row)
		})
		return err
	})
	if err != nil {
		return err
	}
	l := s.record.Tables[t.Spec.Table]
	l.Tally, l.Rows = tally, n
	if err := s.ledger().Keep(ctx, s.tx, t.Spec.Table, fresh, s.numbers[t.Spec.Table]); err != nil {
		return err
	}
	table, names := target.Name(t.Spec), list(target.Columns(t), "")
	if t.Spec.Number == "" { // nothing refers to such a row
		if _, err := s.exec(ctx, "DELETE FROM "+table); err != nil {
			return err
		}
		_, err := s.exec(ctx, "INSERT INTO "+table+" ("+names+") SELECT "+names+" FROM "+stage)
		return err
	}
	set := "(" + list(t.Columns, "") + ") = (" + list(t.Columns, "excluded.") + ")"
	if len(t.Columns) == 1 {
		set = list(t.Columns, "") + " = " + list(t.Columns, "excluded.")
	}
	changed, err := s.exec(ctx, "INSERT INTO "+table+" AS r ("+names+") SELECT "+names+" FROM "+stage+
		" ON CONFLICT ("+target.Quote(t.Spec.Number)+") DO UPDATE SET "+set+" WHERE ("+comparable(t, "r.")+") IS DISTINCT FROM ("+comparable(t, "excluded.")+")")
	if err == nil {
		slog.Info("store: read again", "table", t.Spec.Table, "documents", tally.Documents, "rows", n, "changed", changed)
	}
	return err
}

// gone deletes the rows whose documents are not there any more, and what refers to them. The
// last table comes first, because it refers to those before it.
func (s *second) gone(ctx context.Context) error {
	if _, err := s.exec(ctx, "CREATE TEMP TABLE store_gone (tab text NOT NULL, number bigint NOT NULL) ON COMMIT DROP"); err != nil {
		return err
	}
	n, err := copyin.Run(ctx, s.tx, "pg_temp.store_gone", []string{"tab", "number"}, func(_ context.Context, w *copyin.Writer) error {
		return s.numbers.DropUnseen(func(table string, number int64) error {
			w.Text([]byte(table))
			w.Number(number)
			return w.End()
		})
	})
	if err != nil || n == 0 {
		return err
	}
	if err := s.ledger().Drop(ctx, s.tx, "pg_temp.store_gone"); err != nil {
		return err
	}
	for i := len(s.tables) - 1; i >= 0; i-- {
		t := s.tables[i]
		if t.Spec.Read.Grows != "" {
			if err := s.orphans(ctx, t); err != nil {
				return err
			}
		} else if t.Spec.Number != "" {
			if _, err := s.exec(ctx, "DELETE FROM "+target.Name(t.Spec)+" r USING pg_temp.store_gone g WHERE g.tab = $1 AND r."+target.Quote(t.Spec.Number)+" = g.number", t.Spec.Table); err != nil {
				return err
			}
		}
	}
	slog.Info("store: documents are gone since the first copy", "store", s.Spec.Name, "rows", n)
	return nil
}

// orphans does with the rows of documents that are only added what would have been done
// without the row that they refer to.
func (s *second) orphans(ctx context.Context, t *mapping.Table) error {
	for column, spec := range t.Spec.Columns {
		if spec.Row == "" {
			continue
		}
		where := " FROM pg_temp.store_gone g WHERE g.tab = $1 AND r." + target.Quote(column) + " = g.number"
		if spec.Lacking != nil && spec.Lacking.Do == manifest.Null {
			if _, err := s.exec(ctx, "UPDATE "+target.Name(t.Spec)+" r SET "+target.Quote(column)+" = NULL"+where, spec.Row); err != nil {
				return err
			}
			continue
		}
		n, err := s.exec(ctx, "DELETE FROM "+target.Name(t.Spec)+" r USING"+strings.TrimPrefix(where, " FROM"), spec.Row)
		if err != nil {
			return err
		}
		l := s.record.Tables[t.Spec.Table]
		l.Removed += n
		l.Rows -= n
	}
	return nil
}
