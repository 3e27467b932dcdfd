package dbcheck

import "onerpm/payload-scripts/internal/finding"

// tables are the product's: all that are neither PostgreSQL's nor ours.
const tables = `pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', {schema})`

// ownChecks are asked of every database, like the queries of a checks file.
// {application} and {schema} stand for our application name and our schema.
var ownChecks = []query{
	{
		name: "read-only", why: "it takes no writes", do: "upgrade the node that does, a standby follows by itself; or set default_transaction_read_only off for the role and the database",
		sql: `SELECT pg_is_in_recovery() AS standby, reset_val AS default_transaction_read_only FROM pg_catalog.pg_settings
			WHERE name = 'default_transaction_read_only' AND (pg_is_in_recovery() OR reset_val = 'on')`, // what the product's sessions have; the engine's have their own
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
