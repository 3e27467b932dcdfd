package database

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Patience bounds how often and how long a piece of work is tried again.
type Patience struct {
	Tries int
	First time.Duration // pause before the second try; then doubled
	Most  time.Duration // the longest pause
}

// Retry runs work until it succeeds, fails for a reason that will not pass,
// or the patience is used up. Work must be whole or not done when it fails, and ask
// first what is done already: after a lost session nobody knows.
func (db *DB) Retry(ctx context.Context, p Patience, work func() error) error {
	pause := p.First
	for try := 1; ; try++ {
		err := work()
		if err == nil || ctx.Err() != nil || !Contended(err) && !Lost(err) {
			return err
		}
		if try >= p.Tries {
			return fmt.Errorf("%w (tried %d times%s)", err, try, db.holders(ctx))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(pause):
		}
		pause = min(2*pause, p.Most)
		if Lost(err) {
			_ = db.terminate(ctx, true) // should the server not answer, work says so
		}
	}
}

// holders names the sessions that hold locks on tables just now. What they do and
// since when, PostgreSQL tells us of our own user's sessions only.
func (db *DB) holders(ctx context.Context) string {
	found, err := db.Names(ctx, `SELECT 'process ' || l.pid || coalesce(' of ' || a.usename, '') || coalesce(' (' || nullif(a.application_name, '') || ')', '')
			|| coalesce(', ' || a.state, '') || coalesce(', since ' || to_char(a.xact_start, 'HH24:MI:SS'), '') || ', on ' || string_agg(DISTINCT c.relname, ' ')
		FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p') AND c.oid >= 16384
			LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
		WHERE l.granted AND l.locktype = 'relation' AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
			AND l.pid <> pg_backend_pid()
		GROUP BY l.pid, a.usename, a.application_name, a.state, a.xact_start ORDER BY a.xact_start NULLS LAST LIMIT 5`)
	if err != nil || len(found) == 0 {
		return ""
	}
	return "; locks on tables are held by " + strings.Join(found, "; ")
}

// terminateWait bounds how long a terminated session may take to end.
const terminateWait = 30 * time.Second

// Terminate ends the sessions that earlier processes of this attempt left in
// this database and waits until they are gone: a session whose client was killed
// goes on, and can commit later.
func (db *DB) Terminate(ctx context.Context) error { return db.terminate(ctx, false) }

// terminate ends this attempt's other sessions; with own those of this process
// too, but the one that asks.
func (db *DB) terminate(ctx context.Context, own bool) error {
	const others = ` FROM pg_catalog.pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
		AND (left(application_name, $1) = $2 AND ($3 OR application_name <> $4))`
	family := db.family + " "
	args := []any{len(family), family, own, db.Name}
	deadline := time.Now().Add(terminateWait)
	for {
		var left int64
		// A session that ends between the two calls is no error.
		err := db.Pool.QueryRowContext(ctx, "SELECT count(*)"+others, args...).Scan(&left)
		if err == nil && left > 0 {
			_, err = db.Pool.ExecContext(ctx, "SELECT pg_catalog.pg_terminate_backend(pid)"+others, args...)
		}
		if err != nil {
			return fmt.Errorf("end the sessions that an earlier run left: %w", Explain(err))
		}
		if left == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d sessions that an earlier run left did not end within %s", left, terminateWait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Names returns the one text column of a query.
func (db *DB) Names(ctx context.Context, query string) ([]string, error) {
	rows, err := db.Pool.QueryContext(ctx, query)
	if err != nil {
		return nil, Explain(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var names []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		names = append(names, s)
	}
	return names, Explain(rows.Err())
}
