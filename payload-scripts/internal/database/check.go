package database

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/stdlib"

	"onerpm/payload-scripts/internal/finding"
)

// oldest is the oldest PostgreSQL that the engine's own SQL runs on (server_version_num).
const oldest = 90500

// Check tells everything about the database that stands in the upgrade's way,
// all in one run. It writes nothing. Checks is the checks file, "" for none.
func (db *DB) Check(ctx context.Context, checks string) []finding.Finding {
	var found []finding.Finding
	add := func(id string, level finding.Level, do, format string, a ...any) {
		found = append(found, finding.Finding{
			ID: id, Level: level, What: fmt.Sprintf("database %s: ", db.spec.Name) + fmt.Sprintf(format, a...), Do: do,
		})
	}
	if via, err := db.pooled(ctx); err != nil {
		add("database-unreachable", finding.Refuse, "start PostgreSQL, or correct the address in "+db.spec.Connection.File, "%v", explain(err))
		return found
	} else if via != "" {
		add("database-pooler", finding.Refuse, "point "+db.spec.Connection.File+" at PostgreSQL itself",
			"between this host and PostgreSQL stands a connection pooler (%s): settings of a session do not hold through it", via)
		return found
	}
	if version, err := db.Count(ctx, "SELECT current_setting('server_version_num')"); err != nil || version < oldest {
		add("database-version", finding.Refuse, "upgrade PostgreSQL first", "PostgreSQL's version is %d, not %d or later %s", version, oldest, orEmpty(err))
	}
	right := true
	switch err := db.proves(ctx, db.spec.Expects); {
	case err == nil:
	case db.spec.Becomes != nil && db.proves(ctx, db.spec.Becomes) == nil:
		right = false
		add("database-schema", finding.Refuse, "there is nothing to upgrade in it; find out why the packages are older than the schema",
			"the schema is the new release's already: %q answers %q", short(db.spec.Becomes.Query), db.spec.Becomes.Value)
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
		q.sql = strings.NewReplacer("{application}", "'"+strings.ReplaceAll(db.name, "'", "''")+"'", "{schema}", "'"+db.schema+"'").Replace(q.sql)
		found = append(found, db.ask(ctx, q)...)
	}
	if broken, err := db.othersInvalidIndexes(ctx); err != nil || len(broken) > 0 {
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
func (db *DB) pooled(ctx context.Context) (sign string, err error) {
	conn, err := db.pool.Conn(ctx)
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
	case name != db.name || lock == "0":
		return "the session has not the settings it was started with", nil
	}
	return "", nil
}

// tables are the product's: all that are neither PostgreSQL's nor ours.
const tables = `pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', {schema})`

// ownChecks are asked of every database, like the queries of a checks file.
// {application} and {schema} stand for our application name and our schema.
var ownChecks = []query{
	{
		name: "read-only", why: "it takes no writes", do: "upgrade the node that does; a standby follows by itself",
		sql: `SELECT pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only') AS read_only
			WHERE pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'`,
	},
	{
		name: "create-right", why: "its user may not create a schema in it", do: `as PostgreSQL's superuser: GRANT CREATE ON DATABASE <database> TO <user>`,
		sql: `SELECT current_database() AS database, current_user AS "user" WHERE NOT has_database_privilege(current_database(), 'CREATE')`,
	},
	{
		name: "schema-right", why: "its user may not create indexes beside the tables", do: `as PostgreSQL's superuser: GRANT CREATE ON SCHEMA <schema> TO <user>`,
		sql: `SELECT DISTINCT n.nspname AS schema, current_user AS "user" FROM ` + tables + ` AND NOT has_schema_privilege(n.oid, 'CREATE')`,
	},
	{
		name: "table-owner", why: "tables do not belong to its user", do: `as PostgreSQL's superuser: ALTER TABLE <table> OWNER TO <user>`,
		sql: `SELECT n.nspname || '.' || c.relname AS "table", pg_get_userbyid(c.relowner) AS owner FROM ` + tables + ` AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1`,
	},
	{
		name: "prepared-transactions", why: "a prepared transaction holds its locks until somebody ends it", do: "COMMIT PREPARED or ROLLBACK PREPARED it",
		sql: `SELECT gid, owner, prepared FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()`,
	},
	{
		name: "long-transactions", level: finding.Warn, why: "transactions have been open for more than a minute; the migrations wait for them and give up after a while",
		do: "end them before the upgrade: SELECT pg_terminate_backend(<pid>)",
		sql: `SELECT pid, usename AS "user", application_name AS program, state, xact_start AS since FROM pg_catalog.pg_stat_activity
			WHERE datname = current_database() AND xact_start < now() - interval '1 minute' AND pid <> pg_backend_pid() AND application_name <> {application} ORDER BY xact_start`,
	},
}
