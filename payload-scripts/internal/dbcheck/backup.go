package dbcheck

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/dump"
	"onerpm/payload-scripts/internal/finding"
)

// unreadable finds what pg_dump must read and the role may not: of tables that are not the role's,
// database-table-owner tells.
var unreadable = query{
	ID: "database-backup-rights", why: "the backup is impossible: its user may not read all that is in it",
	do: "as PostgreSQL's superuser: GRANT USAGE ON SCHEMA, or GRANT SELECT ON it (TABLE, SEQUENCE or LARGE OBJECT), to <user>; where row-level security hides rows, ALTER ROLE <user> BYPASSRLS",
	sql: `SELECT 'schema' AS kind, n.nspname::text AS object, current_user AS "user" FROM pg_catalog.pg_namespace n
			WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT has_schema_privilege(n.oid, 'USAGE')
				AND EXISTS (SELECT 1 FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'S') AND NOT ` + member + `)
		UNION ALL SELECT 'table', c.oid::regclass::text, current_user FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT has_table_privilege(c.oid, 'SELECT')
				AND (pg_has_role(c.relowner, 'USAGE') AND NOT ` + member + `
					OR EXISTS (SELECT 1 FROM pg_catalog.pg_extension e WHERE c.oid = ANY (e.extconfig)))
		UNION ALL SELECT 'sequence', c.oid::regclass::text, current_user FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind = 'S' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT has_table_privilege(c.oid, 'SELECT')
				AND (NOT ` + member + ` OR EXISTS (SELECT 1 FROM pg_catalog.pg_extension e WHERE c.oid = ANY (e.extconfig)))
		UNION ALL SELECT 'row-level security of table', c.oid::regclass::text, current_user FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND row_security_active(c.oid) AND has_table_privilege(c.oid, 'SELECT') AND NOT ` + member + `
		UNION ALL SELECT 'large object', l.oid::text, current_user FROM pg_catalog.pg_largeobject_metadata l
			WHERE NOT pg_has_role(l.lomowner, 'USAGE') AND current_setting('lo_compat_privileges') = 'off'
				AND NOT EXISTS (SELECT 1 FROM aclexplode(l.lomacl) a WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))`,
}

// dumped are the tables whose rows pg_dump reads, with the columns that it reads of each. %s is what else is asked of a column.
const dumped = `SELECT c.oid::regclass::text, coalesce((
		SELECT string_agg('onerpm_row.' || quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
		WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped%s), '')
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
		AND (NOT ` + member + ` OR EXISTS (SELECT 1 FROM pg_catalog.pg_extension e WHERE c.oid = ANY (e.extconfig)))
	ORDER BY 1`

// notGenerated leaves out columns that pg_dump does not read, as a restore computes them anew: since PostgreSQL 12.
const notGenerated, generatedSince = " AND a.attgenerated = ''", 120000

// rowsTried bounds how long a row of each table is looked for: a table may be all empty pages.
const rowsTried = 30 * time.Second

// rows reads a row of each table as pg_dump does, all columns as text and what row-level security hides too. What is lacking for
// that, the library of a type for instance, is seen in no catalog. What could not be tried in time is left to the upgrade.
func (c *check) rows(ctx context.Context) error {
	limited, stop := context.WithTimeout(ctx, rowsTried)
	defer stop()
	asked := ""
	if c.version >= generatedSince {
		asked = notGenerated
	}
	err := c.db.Reading(limited, func(tx *sql.Tx) error {
		tables, err := texts(limited, tx, fmt.Sprintf(dumped, asked), math.MaxInt)
		if err != nil {
			return database.Explain(err)
		}
		if _, err := tx.ExecContext(limited, "SET LOCAL row_security = off"); err != nil {
			return err
		}
		for _, t := range tables {
			table, columns := t[0].String, t[1].String
			if _, err := texts(limited, tx, "SELECT 1 FROM (SELECT ROW("+columns+")::text AS line FROM ONLY "+table+" onerpm_row LIMIT 1) one WHERE line IS NOT NULL", 1); err != nil {
				return fmt.Errorf("table %s: %w", table, database.Explain(err))
			}
		}
		return nil
	})
	if limited.Err() != nil || database.Contended(err) {
		return nil // it takes too long, or somebody else's lock is in the way now: pg_dump waits
	}
	return err
}

func texts(ctx context.Context, tx *sql.Tx, query string, limit int) ([][]sql.NullString, error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Texts has its error
	a, err := database.Texts(rows, limit)
	return a.Rows, err
}

// backup tells what will keep the database from being backed up. When nothing that is
// known does, pg_dump itself tries, without the rows, of which one is read of each table.
func (c *check) backup(ctx context.Context) []finding.Finding {
	if _, err := dump.Client(ctx, c.db); err != nil {
		return []finding.Finding{{
			ID: "database-programs", Level: finding.Refuse, What: fmt.Sprintf("database %s: it cannot be backed up: %v", c.db.Spec.Name, database.Explain(err)),
			Do: "install PostgreSQL's client programs of the server's version or a later one, or put links to their pg_dump and pg_restore into /usr/local/bin",
		}}
	}
	if found := c.runQuery(ctx, unreadable); len(found) > 0 {
		return found
	}
	if c.refused("database-table-owner") {
		return nil // it cannot be read either
	}
	_, err := dump.Schema(ctx, c.db)
	if err == nil {
		err = c.rows(ctx)
	}
	if err != nil {
		return []finding.Finding{{
			ID: "database-backup", Level: finding.Refuse, What: fmt.Sprintf("database %s: pg_dump cannot read it: %v", c.db.Spec.Name, database.Explain(err)),
			Do: "see what pg_dump says; the upgrade backs the database up with the address and the user in " + c.db.Spec.Connection.File,
		}}
	}
	return nil
}
