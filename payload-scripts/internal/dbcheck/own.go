package dbcheck

import "onerpm/payload-scripts/internal/finding"

// In the engine's own queries {application} and {schema} stand for our application name
// and our schema, and {named} for the names that the migrations use.

// member is true for what an extension has made: it is not the product's, and pg_dump
// leaves it out.
const member = `EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`

// tables are all that are neither PostgreSQL's nor an extension's nor ours.
const tables = `pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', {schema}) AND NOT ` + member

// named is true for what the migrations mean by a name that they use: by it alone what the search
// path finds, and with its schema what else there is.
const named = `c.relname = ANY ({named}) AND (pg_table_is_visible(c.oid) OR n.nspname = ANY ({named}))`

// ownChecks are asked of every database, like the queries of a checks file.
var ownChecks = []query{
	{
		ID: "database-read-only", why: "it takes no writes",
		do: "upgrade the node that does, a standby follows by itself; or set default_transaction_read_only off for the role and the database",
		// What the product's sessions have; the engine's have their own.
		sql: `SELECT pg_is_in_recovery() AS standby, reset_val AS default_transaction_read_only FROM pg_catalog.pg_settings
			WHERE name = 'default_transaction_read_only' AND (pg_is_in_recovery() OR reset_val = 'on')`,
	},
	{
		ID: "database-create-right", why: "its user may not create a schema in it", do: `as PostgreSQL's superuser: GRANT CREATE ON DATABASE <database> TO <user>`,
		sql: `SELECT current_database() AS database, current_user AS "user" WHERE NOT has_database_privilege(current_database(), 'CREATE')`,
	},
	{
		ID: "database-schema-right", why: "its user may not create indexes beside the tables", do: `as PostgreSQL's superuser: GRANT CREATE ON SCHEMA <schema> TO <user>`,
		sql: `SELECT DISTINCT n.nspname AS schema, current_user AS "user" FROM ` + tables + ` AND NOT has_schema_privilege(n.oid, 'CREATE')
			AND (pg_has_role(c.relowner, 'USAGE') OR ` + named + `)`,
	},
	{
		// A table of somebody else's that migrations leave alone is in nobody's way, when the backup can read it.
		ID: "database-table-owner", why: "tables do not belong to its user, and the upgrade changes them or cannot back them up",
		do: `as PostgreSQL's superuser: ALTER TABLE <table> OWNER TO <user> when it is the product's; when it is somebody else's, GRANT SELECT ON <table> TO <user>, or move it into another database`,
		sql: `SELECT n.nspname || '.' || c.relname AS "table", pg_get_userbyid(c.relowner) AS owner, current_user AS "user" FROM ` + tables + `
			AND NOT pg_has_role(c.relowner, 'USAGE') AND (` + named + ` OR NOT has_table_privilege(c.oid, 'SELECT')) ORDER BY 1`,
	},
	{
		ID: "database-prepared-transactions", why: "a prepared transaction holds its locks until somebody ends it", do: "COMMIT PREPARED or ROLLBACK PREPARED it",
		sql: `SELECT gid, owner, prepared FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()`,
	},
	{
		ID: "database-long-transactions", level: finding.Warn, why: "transactions have been open for more than a minute; the migrations wait for them and give up after a while",
		do: "end them before the upgrade: SELECT pg_terminate_backend(<pid>)",
		sql: `SELECT pid, usename AS "user", application_name AS program, state, xact_start AS since FROM pg_catalog.pg_stat_activity
			WHERE datname = current_database() AND xact_start < now() - interval '1 minute' AND pid <> pg_backend_pid() AND application_name <> {application}
				AND usename IS NOT NULL ORDER BY xact_start`, // autovacuum has no user, and makes way
	},
	{
		ID: "database-event-triggers", level: finding.Warn, why: "event triggers run at each statement of the migrations that changes the schema, and can make it fail",
		do: "as their owner: see that they admit the changes, or ALTER EVENT TRIGGER <trigger> DISABLE until the upgrade is over",
		sql: `SELECT evtname AS "trigger", evtevent AS event, pg_get_userbyid(evtowner) AS owner FROM pg_catalog.pg_event_trigger t
			WHERE evtenabled <> 'D' AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
				WHERE d.classid = 'pg_catalog.pg_event_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'e') ORDER BY 1`,
	},
	{
		ID: "database-not-durable", level: finding.Warn,
		why: "PostgreSQL may lose what it has said is done: the upgrade's own sessions wait for the disk, but with fsync or full_page_writes off a loss of power can destroy the whole database, and with synchronous_commit off a crash loses what the product wrote last",
		do:  "set it on: ALTER SYSTEM SET <setting> = on, or ALTER ROLE <user> RESET <setting>, and reload PostgreSQL's configuration",
		sql: `SELECT name AS setting, reset_val AS value, current_user AS "user" FROM pg_catalog.pg_settings
			WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND reset_val = 'off' ORDER BY 1`,
	},
	{
		// Which standbys are synchronous, PostgreSQL tells some roles only; that there is one it tells everybody.
		ID: "database-standby-away", why: "PostgreSQL waits for a synchronous standby that is not connected: what the product writes now is never answered, and the new release could not start",
		do: "start the standby, or take it out of synchronous_standby_names and reload PostgreSQL's configuration",
		sql: `SELECT current_setting('synchronous_standby_names') AS synchronous_standby_names, s.reset_val AS synchronous_commit FROM pg_catalog.pg_settings s
			WHERE s.name = 'synchronous_commit' AND s.reset_val NOT IN ('off', 'local') AND current_setting('synchronous_standby_names') <> ''
				AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_replication WHERE sync_state IS NULL OR sync_state IN ('sync', 'quorum'))`,
	},
	{
		ID: "database-published", level: finding.Warn, since: 100000,
		why: "logical replication publishes tables that the upgrade changes, or every new table; a subscriber stops at the first row with a column or of a table that it does not have",
		do:  "add the new columns and tables on the subscribers first (the upgrade's own tables are those of schema {schema}), or take the tables out of the publication until the subscribers have them",
		sql: `SELECT pubname AS publication, 'all'::text AS "table" FROM pg_catalog.pg_publication WHERE puballtables
			UNION ALL SELECT t.pubname, t.schemaname || '.' || t.tablename FROM pg_catalog.pg_publication_tables t JOIN pg_catalog.pg_publication p USING (pubname)
			WHERE NOT p.puballtables AND t.tablename = ANY ({named}) ORDER BY 1, 2`,
	},
	{
		ID: "database-published-identity", since: 100000,
		why: "logical replication publishes tables that have no replica identity and that the upgrade changes: PostgreSQL refuses every UPDATE and DELETE in them",
		do:  "give the table a primary key, or ALTER TABLE <table> REPLICA IDENTITY FULL, or take it out of the publication until the upgrade is over",
		sql: `SELECT DISTINCT t.schemaname || '.' || t.tablename AS "table", t.pubname AS publication
			FROM pg_catalog.pg_publication_tables t JOIN pg_catalog.pg_publication p USING (pubname)
				JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
			WHERE (p.pubupdate OR p.pubdelete) AND ` + named + ` AND (c.relreplident = 'n' OR c.relreplident = 'd'
				AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)) ORDER BY 1`,
	},
}
