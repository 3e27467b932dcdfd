// Package dbspace estimates how much space the migrations of an upgrade take on the disks of the
// database's own server, which serves meanwhile and stops when they are full. It knows
// that only of a server on this machine.
//
// The figures are estimates, rather too large: a table that is written anew counts as a
// second copy with its indexes, a backfill too; an index by its columns' average width,
// twice, as it is sorted in files first. All of it goes through the write-ahead log.
package dbspace

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"time"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/migration"
)

// Need is disk space that the upgrade takes on a disk of the server.
type Need struct {
	Path  string // of a folder there
	Bytes int64
	What  string // for people
}

// askLimit bounds a question: sizes are looked up file by file.
const askLimit = 5 * time.Minute

// Widths of what is put into an index, in bytes.
const (
	entry      = 24 // of an index: its header, its pointer, what a page leaves free
	unknown    = 16 // a column that is new, or that nobody has looked at
	expression = 32
	usualRow   = 100 // of a table that nobody has counted
)

// table is what is known of one.
type table struct {
	bytes, indexes int64
	rows           int64
	folder         string // of its tablespace
}

// Needs tells what the migrations in a folder and the backfill will take. It is nothing when the
// server is on another machine.
func Needs(ctx context.Context, db *database.DB, migrations string) ([]Need, error) {
	data, here, err := Folder(ctx, db)
	if err != nil || !here || migrations == "" {
		return nil, err
	}
	defer db.Limit(db.Limit(askLimit))
	r := &migration.Runner{DB: db, Dir: migrations}
	at, err := r.Version(ctx)
	if err != nil {
		return nil, err
	}
	touches, err := migration.Touches(migrations, at)
	if err != nil {
		return nil, err
	}
	for _, b := range db.Spec.Backfill {
		touches = append(touches, touch(b.Table))
	}
	version, err := db.Count(ctx, "SELECT current_setting('server_version_num')")
	if err != nil {
		return nil, err
	}
	needs := []Need{{Path: data, Bytes: Floor, What: "left free for PostgreSQL"}}
	var written int64
	for _, one := range touches {
		t, err := measureTable(ctx, db, one)
		if errors.Is(err, sql.ErrNoRows) || one.Effect == migration.OldServer && version >= 110000 {
			continue // a table that the migrations make, or a default that is only noted
		}
		if err != nil {
			return nil, database.Explain(err)
		}
		bytes, what := t.bytes+t.indexes, "a second copy of "
		switch one.Effect {
		case migration.Index:
			width, err := width(ctx, db, one)
			if err != nil {
				return nil, err
			}
			bytes, what = 2*t.rows*width, "an index of "
		case migration.Copy:
			bytes = t.bytes
		case migration.Update:
			bytes += t.indexes // pages of an index split when entries come between others
		case migration.Rewrite, migration.OldServer:
		}
		if t.folder == "" {
			t.folder = data
		}
		needs = append(needs, Need{Path: t.folder, Bytes: bytes, What: what + "table " + one.Table})
		written += bytes
	}
	if written > 0 {
		log, err := kept(ctx, db, logFolder(data), written)
		if err != nil {
			return nil, err
		}
		needs = append(needs, log)
	}
	return needs, nil
}

// touch is a backfill's: it writes every row of its table anew.
func touch(name string) migration.Touch {
	for i := range name {
		if name[i] == '.' {
			return migration.Touch{Schema: name[:i], Table: name[i+1:], Effect: migration.Update}
		}
	}
	return migration.Touch{Table: name, Effect: migration.Update}
}

// measureTable reads the sizes of a table and what belongs to it: partitions, rows kept beside it, indexes.
func measureTable(ctx context.Context, db *database.DB, one migration.Touch) (t table, err error) {
	err = db.Pool.QueryRowContext(ctx, `WITH RECURSIVE root AS (
			SELECT c.oid, c.reltablespace FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind IN ('r', 'p') AND c.relname = $1 AND CASE WHEN $2 = '' THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = $2 END),
		part AS (SELECT oid FROM root UNION ALL SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN part ON part.oid = i.inhparent)
		SELECT sum(pg_table_size(p.oid))::bigint, sum(pg_indexes_size(p.oid))::bigint,
			sum(CASE WHEN c.reltuples > 0 THEN c.reltuples ELSE pg_table_size(p.oid) / $3::bigint END)::bigint,
			coalesce((SELECT pg_tablespace_location(CASE WHEN r.reltablespace = 0 THEN d.dattablespace ELSE r.reltablespace END)
				FROM root r, pg_catalog.pg_database d WHERE d.datname = current_database()), '')
		FROM part p JOIN pg_catalog.pg_class c ON c.oid = p.oid HAVING count(*) > 0`, one.Table, one.Schema, usualRow).
		Scan(&t.bytes, &t.indexes, &t.rows, &t.folder)
	return t, err
}

// width is what one row takes in an index.
func width(ctx context.Context, db *database.DB, one migration.Touch) (int64, error) {
	if one.Columns == nil {
		return entry + expression, nil
	}
	sum := int64(entry)
	for _, column := range one.Columns {
		var bytes int64
		err := db.Pool.QueryRowContext(ctx, `SELECT coalesce(max(avg_width), $3) FROM pg_catalog.pg_stats
			WHERE tablename = $1 AND attname = $2 AND (schemaname = $4 OR $4 = '')`, one.Table, column, unknown, one.Schema).Scan(&bytes)
		if err != nil {
			return 0, database.Explain(err)
		}
		sum += bytes
	}
	return sum, nil
}

// kept is what the server keeps of its log while so much is written: about
// max_wal_size, of which a part is there already; all of it when somebody must read it
// first who does not.
func kept(ctx context.Context, db *database.DB, folder string, written int64) (Need, error) {
	n := Need{Path: folder, Bytes: written, What: "PostgreSQL's write-ahead log"}
	var most int64
	var held bool
	// Before 10 it is counted in files of the log: the unit is 16MB at 9.6, and none at 9.5.
	err := db.Pool.QueryRowContext(ctx, `SELECT setting::bigint * CASE unit WHEN 'MB' THEN 1048576 ELSE 16777216 END,
			EXISTS (SELECT 1 FROM pg_catalog.pg_replication_slots WHERE NOT active) OR current_setting('archive_mode') <> 'off'
				AND EXISTS (SELECT 1 FROM pg_catalog.pg_stat_archiver WHERE last_failed_time > coalesce(last_archived_time, '-infinity'))
		FROM pg_catalog.pg_settings WHERE name = 'max_wal_size'`).Scan(&most, &held)
	if err != nil {
		return n, database.Explain(err)
	}
	if held {
		n.What += ", which a replication slot or the archive holds"
		return n, nil
	}
	there, err := size(folder)
	n.Bytes = min(written, max(0, most-there))
	return n, err
}

// size adds up the files of a folder.
func size(folder string) (sum int64, err error) {
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() { // it may be gone meanwhile
			sum += info.Size()
		}
	}
	return sum, err
}
