package scratch

import (
	"context"
	"fmt"

	"onerpm/payload-scripts/internal/database"
)

// Table is a table and how many rows it has.
type Table struct {
	Name string // schema.table, quoted where SQL needs it
	Rows int64
}

// Rows counts the rows of every table but those of our own schema, by name.
func Rows(ctx context.Context, db *database.DB) ([]Table, error) {
	names, err := db.Names(ctx, `SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '`+db.Schema+`') ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	tables := make([]Table, len(names))
	for i, name := range names {
		tables[i].Name = name
		if err := db.Pool.QueryRowContext(ctx, "SELECT count(*) FROM "+name).Scan(&tables[i].Rows); err != nil {
			return nil, fmt.Errorf("count the rows of %s: %w", name, database.Explain(err))
		}
	}
	return tables, nil
}
