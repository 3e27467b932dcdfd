// Package dbcheck tells what about a database stands in the upgrade's way.
package dbcheck

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/stdlib"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/migration"
)

// oldest is the oldest PostgreSQL that the engine's own SQL runs on (server_version_num).
const oldest = 90500

// Files are the bundle's, on this machine; "" for none.
type Files struct {
	Checks     string            // file of queries
	Migrations string            // folder
	Drains     map[string]string // by unit, the query that counts what is under way in it
}

// check is one run.
type check struct {
	db      *database.DB
	files   Files
	version int64    // server_version_num
	names   []string // that the migrations use
	found   []finding.Finding
}

// Run tells everything about the database that stands in the upgrade's way,
// all in one run. It writes nothing.
func Run(ctx context.Context, db *database.DB, files Files) []finding.Finding {
	c := &check{db: db, files: files}
	if !c.reachable(ctx) {
		return c.found
	}
	right := c.schema(ctx)
	if files.Migrations != "" {
		var err error
		if c.names, err = migration.Names(files.Migrations); err != nil {
			c.refuse("database-checks", "the bundle is damaged; get it again", "%v", err)
		}
	}
	if right {
		c.drains(ctx)
	}
	queries := slices.Clone(ownChecks)
	if files.Checks != "" && right { // the spec's queries suppose the old schema
		list, err := readChecks(files.Checks)
		if err != nil {
			c.refuse("database-checks", "the bundle is damaged; get it again", "%v", err)
		}
		queries = append(queries, list...)
	}
	for _, q := range queries {
		c.found = append(c.found, c.runQuery(ctx, q)...)
	}
	switch broken, err := migration.InvalidIndexes(ctx, db); {
	case err != nil:
		c.refuse("database-invalid-indexes", "find out why the query fails; the upgrade needs its answer", "whether indexes are invalid cannot be determined: %v", err)
	case len(broken) > 0:
		c.refuse("database-invalid-indexes", "REINDEX them or drop them",
			"indexes are invalid, left by a build that did not finish: %s", strings.Join(broken, ", "))
	}
	c.found = append(c.found, c.backup(ctx)...)
	return c.found
}

func (c *check) refuse(id, do, format string, a ...any) {
	c.found = append(c.found, finding.Finding{
		ID: id, Level: finding.Refuse, What: fmt.Sprintf("database %s: ", c.db.Spec.Name) + fmt.Sprintf(format, a...), Do: do,
	})
}

// refused reports whether a finding is there.
func (c *check) refused(id string) bool {
	return slices.ContainsFunc(c.found, func(f finding.Finding) bool { return f.ID == id })
}

// reachable reports whether anything can be asked.
func (c *check) reachable(ctx context.Context) bool {
	file := c.db.Spec.Connection.File
	via, err := pooled(ctx, c.db)
	if err != nil {
		c.refuse("database-unreachable", "start PostgreSQL, or correct the address in "+file, "%v", database.Explain(err))
		return false
	}
	if via != "" {
		c.refuse("database-pooler", "point "+file+" at PostgreSQL itself",
			"between this host and PostgreSQL stands a connection pooler (%s): settings of a session do not hold through it", via)
		return false
	}
	if c.version, err = c.db.Count(ctx, "SELECT current_setting('server_version_num')"); err != nil || c.version < oldest {
		c.refuse("database-version", "upgrade PostgreSQL first", "PostgreSQL's version is %d, not %d or later %s", c.version, oldest, orEmpty(err))
	}
	return true
}

// schema reports whether it is the installed release's.
func (c *check) schema(ctx context.Context) bool {
	expects, becomes := c.db.Spec.Expects, c.db.Spec.Becomes
	err := c.db.Proves(ctx, expects)
	switch {
	case err == nil:
		return true
	case becomes != nil && c.db.Proves(ctx, becomes) == nil:
		c.refuse("database-schema", "there is nothing to upgrade in it; find out why the packages are older than the schema",
			"the schema is the new release's already: %q answers %q", database.Short(becomes.Query), becomes.Value)
	default:
		c.refuse("database-schema", "bring the schema to the installed release first", "the schema is not the installed release's: %v", err)
	}
	return false
}

// drains asks once what the upgrade asks before it shuts the door: a query that fails there would end each attempt.
func (c *check) drains(ctx context.Context) {
	for _, unit := range slices.Sorted(maps.Keys(c.files.Drains)) {
		if _, err := c.db.Count(ctx, c.files.Drains[unit]); err != nil {
			c.refuse("database-drain", "find out why the query fails; the upgrade needs its answer", "what is under way in %s cannot be counted: %v", unit, err)
		}
	}
}

func orEmpty(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// pooled tells by what sign a pooler stands between us and PostgreSQL, "" when
// none does. A pooler hands out process numbers of its own, and settings
// that were asked for at the start of a session are not PostgreSQL's.
func pooled(ctx context.Context, db *database.DB) (sign string, err error) {
	conn, err := db.Pool.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close() //nolint:errcheck // back to the pool
	var told uint32
	err = conn.Raw(func(c any) error {
		told = c.(*stdlib.Conn).Conn().PgConn().PID()
		return nil
	})
	if err != nil {
		return "", err
	}
	var real uint32
	var name, lock string
	err = conn.QueryRowContext(ctx, "SELECT pg_backend_pid(), current_setting('application_name'), current_setting('lock_timeout')").Scan(&real, &name, &lock)
	switch {
	case err != nil:
		return "", err
	case real != told:
		return "it answers with another process number than PostgreSQL", nil
	case name != db.Name || lock == "0":
		return "the session has not the settings it was started with", nil
	}
	return "", nil
}
