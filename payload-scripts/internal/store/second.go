package store

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/copyin"
	"onerpm/payload-scripts/internal/document"
	"onerpm/payload-scripts/internal/elastic"
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
			if err := s.whole(ctx, i, t); err != nil {
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
			if err := s.grown(ctx, i, t); err != nil {
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

// whole reads a table's documents again, and changes the rows that are others now. Rows that
// are gone stay until nothing refers to them.
func (s *second) whole(ctx context.Context, i int, t *mapping.Table) error {
	stage, err := s.stage(ctx, i, t, "")
	if err != nil {
		return err
	}
	var fresh []string
	var tally ledger.Tally
	n, err := copyin.Run(ctx, s.tx, stage, target.Columns(t), func(ctx context.Context, w *copyin.Writer) (err error) {
		tally, err = s.Store.whole(ctx, t, s.numbers, s.counts.Total(t.Spec.Read), &s.sum, func(number int64, isNew bool, row *mapping.Row) error {
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
		return s.numbers.Unseen(func(table string, number int64) error {
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

// grown reads what was added since the first copy: the documents whose time is not long before
// its begin, and all of an index whose number of documents these do not explain.
func (s *second) grown(ctx context.Context, i int, t *mapping.Table) error {
	stage, err := s.stage(ctx, i, t, ", store_part text")
	if err != nil {
		return err
	}
	g := &growing{second: s, t: t, stage: stage, made: s.record.Tables[t.Spec.Table]}
	young, err := g.young(ctx)
	if err != nil {
		return err
	}
	lost := false
	for index, p := range g.made.Parts {
		if now, there := s.counts[elastic.Kind{Index: index, Type: t.Spec.Read.Type}]; !there {
			lost = true
			delete(g.made.Parts, index)
		} else if now-young[index] < p.Old.Documents {
			lost = true
		}
	}
	for _, k := range s.counts.Of(t.Spec.Read) {
		p := g.made.Parts[k.Index]
		if p != nil && s.counts[k]-young[k.Index] == p.Old.Documents && !s.again[ledger.PartOf{Table: t.Spec.Table, Index: k.Index}] {
			continue
		}
		slog.Info("store: an index is read whole again", "table", t.Spec.Table, "index", k.Index)
		if err := g.index(ctx, k); err != nil {
			return err
		}
	}
	if lost {
		return g.reconcile(ctx)
	}
	return nil
}

// growing brings one table of documents that are only added up to date.
type growing struct {
	*second
	t     *mapping.Table
	stage string
	made  *ledger.Table
}

// young reads the documents of all indices that were written since the first copy began, and
// returns how many each index has.
func (g *growing) young(ctx context.Context) (map[string]int64, error) {
	bound := g.record.Since.Add(-g.early())
	parts := map[string]*part{}
	q := elastic.Query{Index: g.t.Spec.Read.Index, Type: g.t.Spec.Read.Type, Field: g.t.Spec.Read.Grows, Since: bound}
	err := g.take(ctx, q, func(index string, row func(*mapping.Row) error) *part {
		if parts[index] == nil {
			parts[index] = newPart(bound, g.numbers, row)
		}
		return parts[index]
	})
	if err != nil {
		return nil, err
	}
	count := map[string]int64{}
	for index, p := range g.made.Parts {
		p.Young = ledger.NewTally()
		if parts[index] == nil {
			continue
		}
		p.Young = parts[index].All()
	}
	for index, p := range parts {
		all := p.All()
		count[index] = all.Documents
		if g.made.Parts[index] == nil {
			g.made.Parts[index] = &ledger.Part{Old: ledger.NewTally(), Young: all}
		}
	}
	return count, nil
}

// index reads all documents of an index.
func (g *growing) index(ctx context.Context, k elastic.Kind) error {
	var p *part
	err := g.take(ctx, elastic.Query{Index: k.Index, Type: k.Type}, func(_ string, row func(*mapping.Row) error) *part {
		if p == nil {
			p = newPart(g.record.Since.Add(-g.early()), g.numbers, row)
		}
		return p
	})
	if err == nil && p != nil {
		g.made.Parts[k.Index] = &p.Part
	}
	return err
}

// take reads documents, and inserts the rows of those that are not there yet.
func (g *growing) take(ctx context.Context, q elastic.Query, of func(index string, row func(*mapping.Row) error) *part) error {
	names := list(g.t.Columns, "")
	n, err := copyin.Run(ctx, g.tx, g.stage, append(append([]string{}, g.t.Columns...), "store_part"), func(ctx context.Context, w *copyin.Writer) error {
		index, read := "", int64(0)
		row := func(r *mapping.Row) error {
			for _, c := range r.Cells {
				w.Cell(c)
			}
			w.Text([]byte(index))
			return w.End()
		}
		err := g.Read(ctx, q, func(d *document.Document) error {
			if read++; read%progressEvery == 0 {
				g.tell("read "+q.Index+"/"+q.Type+" again", read, read)
			}
			index = d.Index
			return of(index, row).take(g.t, d)
		})
		return err
	})
	if err != nil || n == 0 {
		return err
	}
	id, table := target.Quote(g.t.Spec.IDColumn()), target.Name(g.t.Spec)
	if _, err := g.exec(ctx, "ANALYZE "+g.stage); err != nil {
		return err
	}
	if err := g.refer(ctx); err != nil {
		return err
	}
	added, err := g.exec(ctx, `INSERT INTO `+table+` (`+names+`) SELECT DISTINCT ON (s.`+id+`) `+list(g.t.Columns, "s.")+` FROM `+g.stage+` s
		WHERE NOT EXISTS (SELECT 1 FROM `+table+` r WHERE r.`+id+` = s.`+id+`) ORDER BY s.`+id+`, s.store_part, s.ctid`)
	if err != nil {
		return err
	}
	g.made.Rows += added
	_, err = g.exec(ctx, "DELETE FROM "+g.stage)
	return err
}

// refer gives rows what they refer to, where it was not there when they were made.
func (g *growing) refer(ctx context.Context) error {
	id := target.Quote(g.t.Spec.IDColumn())
	for column, spec := range g.t.Spec.Columns {
		if spec.Row == "" || spec.Lacking == nil || spec.Lacking.Do != manifest.Null {
			continue
		}
		c := target.Quote(column)
		_, err := g.exec(ctx, `UPDATE `+target.Name(g.t.Spec)+` r SET `+c+` = s.`+c+` FROM (SELECT DISTINCT ON (`+id+`) * FROM `+g.stage+` WHERE `+c+` IS NOT NULL ORDER BY `+id+`, store_part, ctid) s
			WHERE r.`+id+` = s.`+id+` AND r.`+c+` IS NULL`)
		if err != nil {
			return err
		}
	}
	return nil
}

// reconcile deletes the rows whose documents are in no index any more.
func (g *growing) reconcile(ctx context.Context) error {
	slog.Info("store: documents were deleted since the first copy", "table", g.t.Spec.Table)
	if _, err := g.exec(ctx, "DROP TABLE IF EXISTS pg_temp.store_there"); err != nil {
		return err
	}
	if _, err := g.exec(ctx, "CREATE TEMP TABLE store_there (id text NOT NULL) ON COMMIT DROP"); err != nil {
		return err
	}
	_, err := copyin.Run(ctx, g.tx, "pg_temp.store_there", []string{"id"}, func(ctx context.Context, w *copyin.Writer) error {
		err := g.Read(ctx, elastic.Query{Index: g.t.Spec.Read.Index, Type: g.t.Spec.Read.Type, IDs: true}, func(d *document.Document) error {
			w.Text([]byte(d.ID))
			return w.End()
		})
		return err
	})
	if err != nil {
		return err
	}
	if _, err := g.exec(ctx, "ANALYZE pg_temp.store_there"); err != nil {
		return err
	}
	id := target.Quote(g.t.Spec.IDColumn())
	n, err := g.exec(ctx, "DELETE FROM "+target.Name(g.t.Spec)+" r WHERE NOT EXISTS (SELECT 1 FROM pg_temp.store_there t WHERE t.id = r."+id+")")
	g.made.Rows -= n
	return err
}
