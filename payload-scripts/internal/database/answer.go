package database

import (
	"database/sql"
	"strings"

	"onerpm/internal/redact"
)

// What of an answer is shown.
const (
	RowsShown  = 10
	valueShown = 60 // characters
)

// Answer is what a query answered.
type Answer struct {
	Columns []string
	Rows    [][]sql.NullString
}

// Texts reads at most limit rows, every value as text.
func Texts(rows *sql.Rows, limit int) (Answer, error) {
	columns, err := rows.Columns()
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Columns: columns}
	for len(a.Rows) < limit && rows.Next() {
		row := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return Answer{}, err
		}
		a.Rows = append(a.Rows, row)
	}
	return a, rows.Err()
}

// String shows the first rows as column=value, secrets hidden.
func (a Answer) String() string {
	var rows []string
	for _, row := range a.Rows[:min(len(a.Rows), RowsShown)] {
		var cells []string
		for i, v := range row {
			text := "NULL"
			if v.Valid {
				text = strings.Join(strings.Fields(v.String), " ")
				if r := []rune(text); len(r) > valueShown {
					text = string(r[:valueShown]) + "..."
				}
			}
			cells = append(cells, a.Columns[i]+"="+redact.Field(a.Columns[i], text))
		}
		rows = append(rows, strings.Join(cells, " "))
	}
	if len(a.Rows) > RowsShown {
		rows = append(rows, "and more")
	}
	return strings.Join(rows, "; ")
}
