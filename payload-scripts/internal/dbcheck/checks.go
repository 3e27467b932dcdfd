package dbcheck

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/finding"
)

// A checks file holds queries that must return no row. Each begins with comments:
//
//	-- name: duplicate-user-names      the finding's id is "database-" and this
//	-- why: two users have one name    what a row means
//	-- do: rename one of them          what to do about it
//	-- level: warn                     optional; without it a row refuses the upgrade
//	SELECT ...;

const maxChecksFile = 1 << 20 // bytes

// query is a query of a checks file, or one of the engine's own.
type query struct {
	ID      string // of the finding
	why, do string
	level   finding.Level
	since   int64 // server_version_num of the first PostgreSQL that knows what is asked
	sql     string
}

var (
	queryHeader = regexp.MustCompile(`^--\s*(name|why|do|level):\s*(.*?)\s*$`)
	queryName   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// readChecks reads a checks file.
func readChecks(file string) ([]query, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(f, maxChecksFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxChecksFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", file, maxChecksFile)
	}
	list, err := parseChecks(string(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return list, nil
}

// parseChecks takes a checks file apart. A query ends at a semicolon at the end of a line.
func parseChecks(text string) ([]query, error) {
	var list []query
	var q query
	seen := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		fail := func(format string, a ...any) ([]query, error) {
			return nil, fmt.Errorf("line %d: %s", i+1, fmt.Sprintf(format, a...))
		}
		if h := queryHeader.FindStringSubmatch(line); h != nil {
			if q.sql != "" {
				return fail("the query %s is not ended by a semicolon", q.ID)
			}
			if err := q.header(h[1], h[2]); err != nil {
				return fail("%v", err)
			}
			continue
		}
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "--") {
			continue
		}
		if q.ID == "" || q.why == "" || q.do == "" {
			return fail("a query without name, why and do before it")
		}
		q.sql += line + "\n"
		if !strings.HasSuffix(trimmed, ";") {
			continue
		}
		if seen[q.ID] {
			return fail("the name %s is there twice", q.ID)
		}
		seen[q.ID] = true
		q.sql = strings.TrimSuffix(strings.TrimSpace(q.sql), ";")
		q.ID = "database-" + q.ID
		list = append(list, q)
		q = query{}
	}
	if q != (query{}) {
		return nil, fmt.Errorf("the last query is not complete")
	}
	return list, nil
}

func (q *query) header(key, value string) error {
	into := map[string]*string{"name": &q.ID, "why": &q.why, "do": &q.do, "level": (*string)(&q.level)}[key]
	switch {
	case value == "":
		return fmt.Errorf("%s is empty", key)
	case key == "name" && !queryName.MatchString(value):
		return fmt.Errorf("the name %q is not lower case with dashes", value)
	case key == "level" && value != string(finding.Warn) && value != string(finding.Refuse):
		return fmt.Errorf("the level %q is neither warn nor refuse", value)
	case *into != "" && key != "name" && key != "level":
		value = *into + " " + value // a text over several lines
	case *into != "":
		return fmt.Errorf("%s is there twice", key)
	}
	*into = value
	return nil
}

// runQuery runs a query; a finding lists its rows.
func (c *check) runQuery(ctx context.Context, q query) []finding.Finding {
	if c.version < q.since {
		return nil
	}
	level := q.level
	if level == "" {
		level = finding.Refuse
	}
	fill := strings.NewReplacer("{application}", literal(c.db.Name), "{schema}", literal(c.db.Schema), "{named}", array(c.names))
	var got database.Answer
	err := c.db.Reading(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "SET LOCAL statement_timeout = '60s'"); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, fmt.Sprintf("SELECT * FROM (%s\n) AS checked LIMIT %d", fill.Replace(q.sql), database.RowsShown+1))
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err says it
		got, err = database.Texts(rows, database.RowsShown+1)
		return err
	})
	if err != nil {
		return []finding.Finding{{
			ID: q.ID, Level: finding.Refuse,
			What: fmt.Sprintf("database %s: the check %q could not be made: %v", c.db.Spec.Name, q.why, database.Explain(err)),
			Do:   "find out why the query fails; the upgrade needs its answer",
		}}
	}
	if len(got.Rows) == 0 {
		return nil
	}
	return []finding.Finding{{
		ID: q.ID, Level: level,
		What: fmt.Sprintf("database %s: %s: %s", c.db.Spec.Name, q.why, got), Do: strings.ReplaceAll(q.do, "{schema}", c.db.Schema),
	}}
}

// literal is a text as SQL has it.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// array is a list of names as SQL has it.
func array(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = literal(name)
	}
	return "ARRAY[" + strings.Join(quoted, ",") + "]::text[]"
}
