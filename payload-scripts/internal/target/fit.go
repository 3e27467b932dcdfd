package target

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/mapping"
)

// facts asks the catalog for a table's columns.
func facts(ctx context.Context, tx pgx.Tx, spec manifest.StoreTable) (map[string]manifest.ColumnFact, error) {
	name, err := spec.Name()
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `SELECT a.attname, t.typname, a.attnotnull, a.atthasdef OR COALESCE(to_jsonb(a)->>'attidentity', '') <> '', CASE WHEN t.typname IN ('varchar', 'bpchar') AND a.atttypmod > 4 THEN a.atttypmod - 4 ELSE 0 END,
			EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indnatts = 1 AND i.indkey[0] = a.attnum AND i.indpred IS NULL),
			ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
		WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped`, name[0], name[1])
	if err != nil {
		return nil, err
	}
	all := map[string]manifest.ColumnFact{}
	var column string
	var f manifest.ColumnFact
	_, err = pgx.ForEachRow(rows, []any{&column, &f.Type, &f.NotNull, &f.Default, &f.Length, &f.Unique, &f.Labels}, func() error {
		all[column] = f
		f.Labels = nil
		return nil
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("the database has no table %s", spec.Table)
	}
	return all, err
}

// Fit compares all tables of a mapping with the database's, and holds the values to what these can take.
func Fit(ctx context.Context, tx pgx.Tx, tables []*mapping.Table) error {
	var wrong []error
	for _, t := range tables {
		f, err := facts(ctx, tx, t.Spec)
		if err != nil {
			return err
		}
		wrong = append(wrong, t.Fit(f))
	}
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("the mapping is not for these tables: %w", err)
	}
	return nil
}
