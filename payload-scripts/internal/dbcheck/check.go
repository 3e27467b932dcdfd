// Package dbcheck tells what about a database stands in the upgrade's way.
package dbcheck

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/stdlib"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/migration"
)

// oldest is the oldest PostgreSQL that the engine's own SQL runs on (server_version_num).
const oldest = 90500

// Run tells everything about the database that stands in the upgrade's way,
// all in one run. It writes nothing. Checks is the checks file, "" for none.
func Run(ctx context.Context, db *database.DB, checks string) []finding.Finding {
	var found []finding.Finding
	add := func(id string, level finding.Level, do, format string, a ...any) {
		found = append(found, finding.Finding{
			ID: id, Level: level, What: fmt.Sprintf("database %s: ", db.Spec.Name) + fmt.Sprintf(format, a...), Do: do,
		})
	}
	if via, err := pooled(ctx, db); err != nil {
		add("database-unreachable", finding.Refuse, "start PostgreSQL, or correct the address in "+db.Spec.Connection.File, "%v", database.Explain(err))
		return found
	} else if via != "" {
		add("database-pooler", finding.Refuse, "point "+db.Spec.Connection.File+" at PostgreSQL itself",
			"between this host and PostgreSQL stands a connection pooler (%s): settings of a session do not hold through it", via)
		return found
	}
	if version, err := db.Count(ctx, "SELECT current_setting('server_version_num')"); err != nil || version < oldest {
		add("database-version", finding.Refuse, "upgrade PostgreSQL first", "PostgreSQL's version is %d, not %d or later %s", version, oldest, orEmpty(err))
	}
	right := true
	switch err := db.Proves(ctx, db.Spec.Expects); {
	case err == nil:
	case db.Spec.Becomes != nil && db.Proves(ctx, db.Spec.Becomes) == nil:
		right = false
		add("database-schema", finding.Refuse, "there is nothing to upgrade in it; find out why the packages are older than the schema",
			"the schema is the new release's already: %q answers %q", database.Short(db.Spec.Becomes.Query), db.Spec.Becomes.Value)
	default:
		right = false
		add("database-schema", finding.Refuse, "bring the schema to the installed release first", "the schema is not the installed release's: %v", err)
	}
	queries := slices.Clone(ownChecks)
	if checks != "" && right { // the spec's queries suppose the old schema
		list, err := readChecks(checks)
		if err != nil {
			add("database-checks", finding.Refuse, "the bundle is damaged; get it again", "%v", err)
		}
		queries = append(queries, list...)
	}
	for _, q := range queries {
		q.sql = strings.NewReplacer("{application}", "'"+strings.ReplaceAll(db.Name, "'", "''")+"'", "{schema}", "'"+db.Schema+"'").Replace(q.sql)
		found = append(found, ask(ctx, db, q)...)
	}
	if broken, err := migration.InvalidIndexes(ctx, db); err != nil || len(broken) > 0 {
		add("database-invalid-indexes", finding.Refuse, "REINDEX them or drop them",
			"indexes are invalid, left by a build that did not finish: %s%s", strings.Join(broken, ", "), orEmpty(err))
	}
	return found
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
