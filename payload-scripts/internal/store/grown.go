package store

import (
	"context"
	"log/slog"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/copyin"
	"onerpm/payload-scripts/internal/document"
	"onerpm/payload-scripts/internal/elastic"
	"onerpm/payload-scripts/internal/ledger"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/payload-scripts/internal/target"
)

// updateGrowing reads what was added since the first copy: the documents whose time is not long before
// its begin, and all of an index whose number of documents these do not explain.
func (s *second) updateGrowing(ctx context.Context, i int, t *mapping.Table) error {
	stage, err := s.stage(ctx, i, t, ", store_part text")
	if err != nil {
		return err
	}
	g := &growing{second: s, t: t, stage: stage, made: s.record.Tables[t.Spec.Table]}
	young, err := g.readRecent(ctx)
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

// readRecent reads the documents of all indices that were written since the first copy began, and
// returns how many each index has.
func (g *growing) readRecent(ctx context.Context) (map[string]int64, error) {
	bound := g.record.Since.Add(-g.early())
	parts := map[string]*part{}
	q := elastic.Query{Index: g.t.Spec.Read.Index, Type: g.t.Spec.Read.Type, Field: g.t.Spec.Read.Grows, Since: bound}
	err := g.insertNew(ctx, q, func(index string, row func(*mapping.Row) error) *part {
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
	err := g.insertNew(ctx, elastic.Query{Index: k.Index, Type: k.Type}, func(_ string, row func(*mapping.Row) error) *part {
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

// insertNew reads documents, and inserts the rows of those that are not there yet.
func (g *growing) insertNew(ctx context.Context, q elastic.Query, of func(index string, row func(*mapping.Row) error) *part) error {
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
				g.reportProgress("read "+q.Index+"/"+q.Type+" again", read, read)
			}
			index = d.Index
			return of(index, row).readDocument(g.t, d)
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
