package dbstate

import (
	"context"
	"database/sql"
	"strconv"

	"onerpm/payload-scripts/internal/database"
)

// Versions of PostgreSQL, as server_version_num, since which it tells something.
const (
	sinceControl = 90600  // functions that tell what is in pg_control
	sinceWAL     = 100000 // xlog is called wal, and a location an LSN
)

// What a server tells about its position. A CASE asks only the function that fits: each fails on the other kind of server.
const (
	positionWAL = `SELECT CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE 'primary' END,
		CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text,
		CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() END::text,
		CASE WHEN NOT pg_is_in_recovery() THEN pg_walfile_name(pg_current_wal_lsn()) END`
	positionXLog = `SELECT CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE 'primary' END,
		CASE WHEN pg_is_in_recovery() THEN pg_last_xlog_replay_location() ELSE pg_current_xlog_location() END::text,
		CASE WHEN pg_is_in_recovery() THEN pg_last_xlog_receive_location() END::text,
		CASE WHEN NOT pg_is_in_recovery() THEN pg_xlogfile_name(pg_current_xlog_location()) END`
)

// control is what a server's pg_control has. A standby's timeline is that of its last restartpoint or of what it has replayed
// since; a primary's own is told by its position.
const control = `SELECT s.system_identifier::text, greatest(c.timeline_id, r.min_recovery_end_timeline)
	FROM pg_control_system() s, pg_control_checkpoint() c, pg_control_recovery() r`

// position asks for role and position, and of a primary for its timeline.
func (s *State) position(ctx context.Context, db *database.DB, version int64) error {
	query := positionWAL
	if version < sinceWAL {
		query = positionXLog
	}
	return db.Reading(ctx, func(tx *sql.Tx) error {
		var role string
		var at, received, file sql.NullString
		if err := tx.QueryRowContext(ctx, query).Scan(&role, &at, &received, &file); err != nil {
			return database.Explain(err)
		}
		s.Role, s.LSN, s.Received = Role(role), at.String, received.String
		s.Timeline = timelineOf(file.String)
		return nil
	})
}

// timelineOf reads the timeline out of the name of a file of the write-ahead log, whose first eight hexadecimal digits it
// is; 0 when there is none.
func timelineOf(file string) int64 {
	const digits = 8
	if len(file) < digits {
		return 0
	}
	n, err := strconv.ParseInt(file[:digits], 16, 64)
	if err != nil {
		return 0
	}
	return n
}

// cluster asks for the system identifier, and of a standby for its timeline.
func (s *State) cluster(ctx context.Context, db *database.DB, version int64) error {
	system, timeline := "", int64(0)
	var err error
	if version < sinceControl {
		system, timeline, err = fromFile(ctx, db)
	} else {
		err = db.Reading(ctx, func(tx *sql.Tx) error {
			return database.Explain(tx.QueryRowContext(ctx, control).Scan(&system, &timeline))
		})
	}
	if err != nil {
		return err
	}
	s.System = system
	if s.Timeline == 0 {
		s.Timeline = timeline
	}
	return nil
}
