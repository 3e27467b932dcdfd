package database

import (
	"context"
	"fmt"
	"time"
)

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
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}
