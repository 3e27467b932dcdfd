// Package sequence notes where a database's sequences stand, and puts back those that have moved on since. PostgreSQL does not take
// nextval and setval back with their transaction (its documentation, "Sequence Manipulation Functions"), so a migration that was cut
// off has not happened and has drawn its numbers all the same; and a server that was cut off itself skips up to 32 of each.
//
// It promises that no number is drawn twice: a sequence stays ahead when a row that came since may have one of the numbers that it
// would draw again, and when somebody may be about to insert one.
package sequence

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"

	"onerpm/payload-scripts/internal/database"
)

// Sequence is where one stands.
type Sequence struct {
	Name   string `json:"name"` // with its schema, in quotes where SQL needs them
	Last   int64  `json:"last"`
	Called bool   `json:"called"` // Last has been drawn; otherwise it is the next
	// Above is a digest of the numbers that it has yet to draw and that rows have already: they can be inserted with numbers of their
	// own. nil when that cannot be told: it gives its numbers to no column, to one that is no integer or has no index, where it would
	// take a look at every row, or there are more than maxAbove.
	Above *string `json:"above,omitempty"`
}

const (
	maxAbove  = 10000
	maxAtOnce = 100 // sequences that one statement asks
)

// source is a sequence and the columns that get their numbers from it.
type source struct {
	name    string
	columns []column
	blind   bool // one of the columns cannot be asked
}

type column struct{ table, name string } // in quotes where SQL needs them

// sources are the sequences of a database that its user may set, but for the engine's own, a row for each column. A column gets its
// numbers from one by owning it (serial, identity) or by its default.
const sources = `
	SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(tn.nspname) || '.' || quote_ident(t.relname), quote_ident(a.attname),
		a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) AND has_column_privilege(t.oid, a.attnum, 'SELECT')
			AND has_schema_privilege(tn.oid, 'USAGE') AND NOT row_security_active(t.oid)
			AND EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = t.oid AND i.indkey[0] = a.attnum
				AND i.indisvalid AND i.indpred IS NULL)
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN LATERAL (
			SELECT d.refobjid AS of, d.refobjsubid AS at FROM pg_catalog.pg_depend d
			WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
				AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
			UNION
			SELECT f.adrelid, f.adnum FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attrdef f ON f.oid = d.objid
			WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
		) x ON true
		LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = x.of AND a.attnum = x.at
		LEFT JOIN pg_catalog.pg_class t ON t.oid = x.of LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
	WHERE n.nspname <> $1 AND n.nspname <> 'information_schema' AND left(n.nspname, 3) <> 'pg_' AND c.relpersistence <> 't'
		-- Asked of something else the functions fail, and conditions are not evaluated in the order in which they are written.
		AND CASE WHEN c.relkind = 'S' THEN has_schema_privilege(n.oid, 'USAGE')
			AND has_sequence_privilege(c.oid, 'SELECT') AND has_sequence_privilege(c.oid, 'UPDATE') ELSE false END
	ORDER BY 1, 2, 3`

// Record returns where the sequences stand that the database's user may set.
func Record(ctx context.Context, db *database.DB) (all []Sequence, err error) {
	err = db.Reading(ctx, func(tx *sql.Tx) error {
		// Rows are seen as they are now, and sequences as they are later: no row is seen whose number is drawn after that.
		if _, err := tx.ExecContext(ctx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"); err != nil {
			return err
		}
		from, err := list(ctx, tx, db.Schema)
		if err != nil {
			return err
		}
		if all, err = positions(ctx, tx, from); err != nil {
			return err
		}
		return lookAbove(ctx, tx, from, all)
	})
	if err != nil {
		return nil, fmt.Errorf("see where the sequences stand: %w", database.Explain(err))
	}
	return all, nil
}

func list(ctx context.Context, tx *sql.Tx, own string) ([]source, error) {
	rows, err := tx.QueryContext(ctx, sources, own)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var all []source
	for rows.Next() {
		var name string
		var table, field sql.NullString
		var can sql.NullBool
		if err := rows.Scan(&name, &table, &field, &can); err != nil {
			return nil, err
		}
		if n := len(all); n == 0 || all[n-1].name != name {
			all = append(all, source{name: name})
		}
		s := &all[len(all)-1]
		s.columns = append(s.columns, column{table.String, field.String})
		s.blind = s.blind || !can.Bool
	}
	return all, rows.Err()
}

// positions returns where each of the sequences stands, in their order.
func positions(ctx context.Context, tx *sql.Tx, from []source) ([]Sequence, error) {
	all := make([]Sequence, len(from))
	var questions []string
	for i, s := range from {
		all[i].Name = s.name
		questions = append(questions, fmt.Sprintf("SELECT %d, last_value, is_called FROM %s", i, s.name))
	}
	return all, ask(ctx, tx, questions, func(rows *sql.Rows) error {
		var i int
		var s Sequence
		if err := rows.Scan(&i, &s.Last, &s.Called); err != nil {
			return err
		}
		all[i].Last, all[i].Called = s.Last, s.Called
		return nil
	})
}

// lookAbove fills in, by where the sequences stand, what rows have of the numbers above. Those named in all that are not there any more
// are left as they are.
func lookAbove(ctx context.Context, tx *sql.Tx, from []source, all []Sequence) error {
	byName := map[string]source{}
	for _, s := range from {
		byName[s.name] = s
	}
	var questions []string
	for i, s := range all {
		of, there := byName[s.Name]
		if !there || of.blind {
			continue
		}
		above := ">"
		if !s.Called {
			above = ">="
		}
		var digests []string
		for _, c := range of.columns {
			digests = append(digests, fmt.Sprintf(`(SELECT CASE WHEN count(*) <= %d THEN coalesce(pg_catalog.md5(pg_catalog.string_agg(n::text, ' ' ORDER BY n)), '') END
				FROM (SELECT %s AS n FROM %s WHERE %[2]s %[4]s %[5]d ORDER BY 1 LIMIT %[6]d) above)`, maxAbove, c.name, c.table, above, s.Last, maxAbove+1))
		}
		questions = append(questions, fmt.Sprintf("SELECT %d, %s", i, strings.Join(digests, " || ' ' || ")))
	}
	return ask(ctx, tx, questions, func(rows *sql.Rows) error {
		var i int
		var above *string
		if err := rows.Scan(&i, &above); err != nil {
			return err
		}
		all[i].Above = above
		return nil
	})
}

// ask asks several questions in one statement.
func ask(ctx context.Context, tx *sql.Tx, questions []string, answered func(*sql.Rows) error) error {
	for len(questions) > 0 {
		n := min(len(questions), maxAtOnce)
		rows, err := tx.QueryContext(ctx, strings.Join(questions[:n], " UNION ALL "))
		if err != nil {
			return err
		}
		for rows.Next() && err == nil {
			err = answered(rows)
		}
		_ = rows.Close() // rows.Err says it
		if err == nil {
			err = rows.Err()
		}
		if err != nil {
			return err
		}
		questions = questions[n:]
	}
	return nil
}

// Restore puts back what has moved on since it was recorded, and returns the names of those that stay ahead: a row that came since may
// have one of the numbers in between, or the server refuses.
func Restore(ctx context.Context, db *database.DB, recorded []Sequence) (ahead []string, err error) {
	var moves []move
	err = db.Reading(ctx, func(tx *sql.Tx) error {
		moves, ahead, err = moved(ctx, tx, db.Schema, recorded)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("see where the sequences stand: %w", database.Explain(err))
	}
	for _, m := range moves {
		// Not one that somebody has drawn from since the look: the row may have come meanwhile.
		done, err := db.Pool.ExecContext(ctx, "SELECT pg_catalog.setval($1::regclass, $2, $3) FROM "+m.to.Name+" WHERE last_value = $4 AND is_called = $5",
			m.to.Name, m.to.Last, m.to.Called, m.from.Last, m.from.Called)
		var n int64
		if err == nil {
			n, err = done.RowsAffected()
		}
		if err != nil && (ctx.Err() != nil || !database.Refused(err)) {
			return nil, fmt.Errorf("put the sequence %s back to %d: %w", m.to.Name, m.to.Last, database.Explain(err))
		}
		if err != nil {
			slog.Warn("PostgreSQL refuses to put a sequence back", "sequence", m.to.Name, "because", database.Explain(err))
		}
		if err != nil || n == 0 {
			ahead = append(ahead, m.to.Name)
		}
	}
	return ahead, nil
}

// move is where a sequence stands and is to stand.
type move struct{ from, to Sequence }

// moved returns what of the recorded has moved on since: what can go back, and the names of the rest. One that counts down is in neither.
func moved(ctx context.Context, tx *sql.Tx, own string, recorded []Sequence) (back []move, ahead []string, err error) {
	from, err := list(ctx, tx, own)
	if err != nil {
		return nil, nil, err
	}
	now, err := positions(ctx, tx, from)
	if err != nil {
		return nil, nil, err
	}
	busy, err := drawing(ctx, tx) // after the positions and before the rows: who is in neither has drawn after the one or inserted before the other
	if err != nil {
		return nil, nil, err
	}
	stand := map[string]Sequence{}
	for _, s := range now {
		stand[s.Name] = s
	}
	var were, are []Sequence // as recorded; and what rows have of the same numbers now
	for _, s := range recorded {
		if is, there := stand[s.Name]; there && (is.Last > s.Last || is.Last == s.Last && is.Called && !s.Called) {
			were, are = append(were, s), append(are, Sequence{Name: s.Name, Last: s.Last, Called: s.Called})
		}
	}
	if err := lookAbove(ctx, tx, from, are); err != nil {
		return nil, nil, err
	}
	for i, was := range were {
		if busy[was.Name] || was.Above == nil || are[i].Above == nil || *was.Above != *are[i].Above {
			ahead = append(ahead, was.Name)
			continue
		}
		back = append(back, move{stand[was.Name], was})
	}
	return back, ahead, nil
}

// drawing are the sequences that a transaction which has not ended may have drawn from: nextval keeps a lock on them to its end.
func drawing(ctx context.Context, tx *sql.Tx) (map[string]bool, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT DISTINCT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
		FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'S' AND l.pid IS DISTINCT FROM pg_backend_pid()
			AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	busy := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		busy[name] = true
	}
	return busy, rows.Err()
}
