package database

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"onerpm/internal/manifest"
)

// Count returns what a query with one row and one number answers, such as the
// number of things under way. The query can write nothing.
func (db *DB) Count(ctx context.Context, query string) (int64, error) {
	value, err := db.Value(ctx, query)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the query %q does not answer with a number", Short(query))
	}
	return n, nil
}

// Value runs a query in a transaction that can write nothing and returns the
// one value of its one row as text.
func (db *DB) Value(ctx context.Context, query string) (string, error) {
	var value string
	err := db.Reading(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err says it
		got, err := Texts(rows, 2)
		if err != nil {
			return err
		}
		if len(got.Rows) != 1 || len(got.Rows[0]) != 1 {
			return fmt.Errorf("%d rows of %d columns instead of one value", len(got.Rows), len(got.Columns))
		}
		value = got.Rows[0][0].String
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("query %q: %w", Short(query), Explain(err))
	}
	return value, nil
}

// Reading runs work in a transaction that can write nothing and is rolled back.
func (db *DB) Reading(ctx context.Context, work func(*sql.Tx) error) error {
	tx, err := db.Pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it only read
	return work(tx)
}

// Proves reports whether a query answers as expected; nil expects nothing.
func (db *DB) Proves(ctx context.Context, e *manifest.Expects) error {
	if e == nil {
		return nil
	}
	got, err := db.Value(ctx, e.Query)
	if err != nil {
		return err
	}
	if got != e.Value {
		return fmt.Errorf("%q answers %q, not %q", Short(e.Query), Short(got), e.Value)
	}
	return nil
}

// Names returns the one text column of a query.
func (db *DB) Names(ctx context.Context, query string) ([]string, error) {
	rows, err := db.Pool.QueryContext(ctx, query)
	if err != nil {
		return nil, Explain(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var names []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		names = append(names, s)
	}
	return names, Explain(rows.Err())
}
