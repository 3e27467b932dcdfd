package migration

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/database"
)

// A backfill fills the rows that were there before an expand migration, in
// short transactions, each of at most batch rows, while the product serves. It
// never waits for a row that the product holds: it passes it by and comes again.
// When no row is left, a partial index over the rows that lack it is built: it
// is as good as empty, so the window sees the last few without a scan. Started
// again, it goes on with what is left.

const (
	defaultBatch   = 5000
	backfillPasses = 4
	vacuumFrom     = 10_000 // rows; below, autovacuum has no work that could get in the window's way
	maxPageRows    = 291    // of a page of 8 KiB
)

// fill is one entry under way.
type fill struct {
	r      *Runner
	entry  manifest.Backfill
	number int    // its place in the spec, from 1
	key    string // the integer primary key, ready for SQL; "" when the table has none
	column string // a column to build the index on, ready for SQL
	total  int64  // rows of the table, an estimate
	pages  int64
	done   int64 // rows filled so far
}

// backfill runs every entry of the spec.
func (r *Runner) backfill(ctx context.Context) error {
	return r.eachFill(ctx, (*fill).all)
}

// fillRest fills, in the window, what is left, and proves that nothing is.
func (r *Runner) fillRest(ctx context.Context) error {
	return r.eachFill(ctx, (*fill).rest)
}

func (r *Runner) eachFill(ctx context.Context, run func(*fill, context.Context) error) error {
	for i, entry := range r.Spec.Backfill {
		f, err := r.newFill(ctx, i+1, entry)
		if err == nil {
			err = run(f, ctx)
		}
		if err != nil {
			return fmt.Errorf("fill table %s: %w", entry.Table, err)
		}
	}
	return nil
}

func (r *Runner) newFill(ctx context.Context, number int, entry manifest.Backfill) (*fill, error) {
	if entry.Batch <= 0 {
		entry.Batch = defaultBatch
	}
	f := &fill{r: r, entry: entry, number: number}
	var key sql.NullString
	var column string
	err := r.Pool.QueryRowContext(ctx, `SELECT c.reltuples::bigint, pg_catalog.pg_relation_size(c.oid) / 8192 + 1,
			(SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum LIMIT 1),
			(SELECT a.attname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
				WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND i.indnatts = 1
				AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype))
		FROM pg_catalog.pg_class c WHERE c.oid = $1::text::regclass`, entry.Table).Scan(&f.total, &f.pages, &column, &key)
	if err != nil {
		return nil, database.Explain(err)
	}
	f.column = pgx.Identifier{column}.Sanitize()
	if key.Valid {
		f.key = pgx.Identifier{key.String}.Sanitize()
		f.column = f.key
	}
	return f, nil
}

func (f *fill) all(ctx context.Context) error {
	for pass := 1; pass <= backfillPasses; pass++ {
		filled, err := f.fillOnce(ctx, true, f.entry.Pause.D())
		if err != nil {
			return err
		}
		if filled == 0 {
			break // nothing left, or only rows that the product holds just now
		}
	}
	if f.done >= vacuumFrom {
		// Left to autovacuum, it would hold a lock on the table just when the window wants one.
		if _, err := f.r.Pool.ExecContext(ctx, "VACUUM "+f.entry.Table); err != nil {
			slog.Warn("vacuum", "table", f.entry.Table, "error", database.Explain(err).Error())
		}
	}
	if err := f.buildLeftIndex(ctx); err != nil {
		return err
	}
	slog.Info("filled", "table", f.entry.Table, "rows", f.done)
	return nil
}

func (f *fill) rest(ctx context.Context) error {
	for pass := 1; ; pass++ {
		var left bool
		err := f.r.Retry(ctx, windowPatience, func() error { return database.Explain(f.rowsLeft(ctx, &left)) })
		if err != nil || !left {
			return err
		}
		if pass > backfillPasses {
			return fmt.Errorf("rows are left for which %q is true although %q was set", database.Short(f.entry.Where), database.Short(f.entry.Set))
		}
		if _, err := f.fillOnce(ctx, false, 0); err != nil {
			return err
		}
	}
}

// rowsLeft reports whether a row is left, by the index.
func (f *fill) rowsLeft(ctx context.Context, left *bool) error {
	tx, err := f.r.Pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it only read
	if _, err := tx.ExecContext(ctx, "SET LOCAL enable_seqscan = off"); err != nil {
		return err
	}
	return tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM "+f.entry.Table+" WHERE ("+f.entry.Where+"))").Scan(left)
}

// fillOnce goes once over the table and returns how many rows it filled.
func (f *fill) fillOnce(ctx context.Context, passBy bool, pause time.Duration) (int64, error) {
	next := f.byPage
	if f.key != "" {
		next = f.byKey
	}
	defer f.r.Limit(f.r.Limit(batchLimit))
	var filled int64
	at := int64(-1 << 63)
	if f.key == "" {
		at = 0
	}
	for {
		var n, to int64
		var more bool
		err := f.r.Retry(ctx, usualPatience, func() (err error) {
			n, to, more, err = next(ctx, at, passBy)
			return database.Explain(err)
		})
		if err != nil {
			return filled, err
		}
		filled, at, f.done = filled+n, to, f.done+n
		if f.r.Progress != nil {
			f.r.Progress("fill "+f.entry.Table, f.done, max(f.done, f.total))
		}
		if !more {
			return filled, nil
		}
		select {
		case <-ctx.Done():
			return filled, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// lockClause takes the lock that an UPDATE takes, which lets other sessions
// insert rows that refer to these.
func lockClause(passBy bool) string {
	if passBy {
		return " FOR NO KEY UPDATE SKIP LOCKED"
	}
	return " FOR NO KEY UPDATE"
}

// byKey fills the next rows after key at. The arrays keep the planner from
// joining the batch with a scan of the whole table.
func (f *fill) byKey(ctx context.Context, at int64, passBy bool) (n, to int64, more bool, err error) {
	var last sql.NullInt64
	err = f.r.Pool.QueryRowContext(ctx, fmt.Sprintf(`WITH picked AS (
			SELECT %[1]s AS picked_key FROM %[2]s WHERE %[1]s > $1::bigint AND (%[3]s) ORDER BY %[1]s LIMIT $2::bigint%[5]s),
		filled AS (UPDATE %[2]s SET %[4]s WHERE %[1]s = ANY (ARRAY(SELECT picked_key FROM picked)) RETURNING 1)
		SELECT (SELECT count(*) FROM filled), (SELECT max(picked_key) FROM picked)`,
		f.key, f.entry.Table, f.entry.Where, f.entry.Set, lockClause(passBy)), at, f.entry.Batch).Scan(&n, &last)
	return n, last.Int64, err == nil && last.Valid, err
}

// byPage fills the rows of the next pages; at is a page number. Row addresses
// that are listed one by one are found without a scan on every version.
func (f *fill) byPage(ctx context.Context, at int64, passBy bool) (n, to int64, more bool, err error) {
	to = at + max(1, int64(f.entry.Batch)/maxPageRows)
	err = f.r.Pool.QueryRowContext(ctx, fmt.Sprintf(`WITH picked AS (
			SELECT ctid AS picked_at FROM %[1]s WHERE ctid = ANY (ARRAY(
				SELECT ('(' || page || ',' || item || ')')::tid FROM generate_series($1::bigint, $2::bigint - 1) page, generate_series(1, %[5]d) item))
			AND (%[2]s)%[4]s),
		filled AS (UPDATE %[1]s SET %[3]s WHERE ctid = ANY (ARRAY(SELECT picked_at FROM picked)) RETURNING 1)
		SELECT count(*) FROM filled`,
		f.entry.Table, f.entry.Where, f.entry.Set, lockClause(passBy), maxPageRows), at, to).Scan(&n)
	return n, to, err == nil && to < f.pages, err
}

// leftIndex is the bare name of the entry's index.
func (f *fill) leftIndex() string { return fmt.Sprintf("%s_left_%d", f.r.Schema, f.number) }

func (f *fill) buildLeftIndex(ctx context.Context) error {
	return f.r.Retry(ctx, usualPatience, func() error {
		name, valid, err := f.r.index(ctx, f.leftIndex())
		if err != nil || valid {
			return err
		}
		if name != "" {
			if err := f.r.dropIndex(ctx, name); err != nil {
				return err
			}
		}
		_, err = f.r.Pool.ExecContext(ctx, "CREATE INDEX CONCURRENTLY "+f.leftIndex()+" ON "+f.entry.Table+
			" ("+f.column+") WHERE ("+f.entry.Where+")")
		return database.Explain(err)
	})
}

// dropLeftIndexes drops the indexes of all entries, whatever an earlier run left
// of them. While the product serves it does so without getting in its way.
func (r *Runner) dropLeftIndexes(ctx context.Context, p database.Patience, serving bool) error {
	return r.Retry(ctx, p, func() error {
		var names []string
		for i := range r.Spec.Backfill {
			f := fill{r: r, number: i + 1}
			name, _, err := r.index(ctx, f.leftIndex())
			if err != nil {
				return err
			}
			if name != "" {
				names = append(names, name)
			}
		}
		if !serving && len(names) > 0 {
			_, err := r.Pool.ExecContext(ctx, "DROP INDEX "+strings.Join(names, ", "))
			return database.Explain(err)
		}
		for _, name := range names {
			if err := r.dropIndex(ctx, name); err != nil {
				return err
			}
		}
		return nil
	})
}
