package database

import (
	"context"
	"fmt"
)

// Table is a table and how many rows it has.
type Table struct {
	Name string // schema.table, quoted where SQL needs it
	Rows int64
}

// Rows counts the rows of every table but those of our own schema, by name.
func (db *DB) Rows(ctx context.Context) ([]Table, error) {
	names, err := db.names(ctx, `SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '`+db.schema+`') ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	tables := make([]Table, len(names))
	for i, name := range names {
		tables[i].Name = name
		if err := db.pool.QueryRowContext(ctx, "SELECT count(*) FROM "+name).Scan(&tables[i].Rows); err != nil {
			return nil, fmt.Errorf("count the rows of %s: %w", name, explain(err))
		}
	}
	return tables, nil
}
