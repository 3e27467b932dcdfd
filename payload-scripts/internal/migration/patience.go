package migration

import (
	"time"

	"onerpm/payload-scripts/internal/database"
)

// How often a file is tried that lost against other sessions.
var (
	usualPatience  = database.Patience{Tries: 12, First: 500 * time.Millisecond, Most: 15 * time.Second} // the product serves meanwhile
	windowPatience = database.Patience{Tries: 6, First: 250 * time.Millisecond, Most: 2 * time.Second}   // nobody is served
	returnPatience = database.Patience{Tries: 25, First: 250 * time.Millisecond, Most: 5 * time.Second}  // there is no other way left
)

// How long PostgreSQL may be away, in a restart or in the recovery after a crash.
const (
	usualAbsence  = 2 * time.Minute
	windowAbsence = time.Minute // then the way back waits for it
	returnAbsence = 10 * time.Minute
)

// How long one statement may take, unless the spec says so (limits.statement_timeout).
const (
	servingLimit = 12 * time.Hour // builds an index, or validates a constraint, of a large table
	windowLimit  = time.Hour
	batchLimit   = 10 * time.Minute // of a backfill: some thousand rows
)

// limit bounds statements by the spec's limit, or by another one when it has none.
func (r *Runner) limit(other time.Duration) {
	if own := r.Limits.StatementTimeout.D(); own > 0 {
		other = own
	}
	r.Limit(other)
}
