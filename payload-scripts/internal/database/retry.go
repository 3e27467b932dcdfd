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

// Retry runs work until it succeeds, fails for another reason than that it lost
// against another session, or the patience is used up. Work must be whole or not done
// when it fails. A session that is lost ends it: see Outlast.
func (db *DB) Retry(ctx context.Context, p Patience, work func() error) error {
	wait := p.First
	for try := 1; ; try++ {
		err := work()
		if err == nil || ctx.Err() != nil || !Contended(err) {
			return err
		}
		if try >= p.Tries {
			return fmt.Errorf("%w (tried %d times%s)", err, try, db.holders(ctx))
		}
		if pause(ctx, wait) != nil {
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
		wait = min(2*wait, p.Most)
	}
}

// retryLostPause is waited before work that lost its session is begun again.
const retryLostPause = 250 * time.Millisecond

// RetryLost runs work again when its session was lost, as in a restart of PostgreSQL or
// after a crash, which can take a while to come back. It gives up when the server has
// not let work end for so long. Nobody knows what a lost session did last, so work must
// find out what is done already; the sessions that were lost are ended before.
func (db *DB) RetryLost(ctx context.Context, limit time.Duration, work func() error) error {
	var first time.Time
	for {
		began := time.Now()
		err := work()
		if err == nil || ctx.Err() != nil || !Lost(err) {
			return err
		}
		if now := time.Now(); first.IsZero() || now.Sub(began) > limit {
			first = now // it worked for longer than that meanwhile: another loss
		}
		if time.Since(first) > limit {
			return fmt.Errorf("%w (PostgreSQL was lost, and not back within %s)", err, limit)
		}
		if pause(ctx, retryLostPause) != nil {
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
		_ = db.terminate(ctx, true) // should the server not answer, work says so
	}
}

// pause waits, and returns the context's error when that ends first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
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
