// Package ledger is the engine's own record of how far the copy of a store is, in a schema of
// its own beside the tables that are filled. It promises that what it says was committed with
// the rows that it speaks of.
//
//	<schema>.store          one row for each store, its Record
//	<schema>.store_ids      the number of each row that others may refer to, by the document's key
//	<schema>.store_unknown  keys that documents which are only added named in vain
package ledger

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"onerpm/payload-scripts/internal/source"
)

// State is how far a store is.
type State string

// The states.
const (
	Copying State = "copying" // the first copy is under way
	Copied  State = "copied"  // it is whole, and the source goes on
	Proved  State = "proved"  // it is what the source has at the end
)

// Record is what is known of a store in the database.
type Record struct {
	Mapping string    `json:"mapping"` // digest of the mapping and of the attempt: what another one copied is of no use
	State   State     `json:"state"`
	Since   time.Time `json:"since"` // of this host's clock, before the first document was read

	Tables  map[string]*Table `json:"tables"`
	Ignored map[string]int64  `json:"ignored"` // documents that are declared to have no place, by the reason

	Proof source.Proof `json:"proof"` // with Proved
}

// Table is what was made of one table.
type Table struct {
	Done    bool             `json:"done"`              // of a table that is read whole: the first copy of it is there
	Tally   Tally            `json:"tally"`             // likewise: of the last reading
	Parts   map[string]*Part `json:"parts"`             // of documents that are only added, by index
	Removed int64            `json:"removed,omitempty"` // rows that were there, and went with what they referred to
	Rows    int64            `json:"rows"`              // in the table
}

// Part is what was read of one index: documents whose time is before the last reading's
// bound, and the young ones after it.
type Part struct {
	Old   Tally `json:"old"`
	Young Tally `json:"young"`
}

// Skipped counts documents without a row: column -> reason -> number.
type Skipped map[string]map[string]int64

// Add counts n more.
func (s Skipped) Add(column, why string, n int64) {
	if s[column] == nil {
		s[column] = map[string]int64{}
	}
	s[column][why] += n
}

// Sum is all of them.
func (s Skipped) Sum() (n int64) {
	for _, reasons := range s {
		for _, count := range reasons {
			n += count
		}
	}
	return n
}

// Tally is what became of documents.
type Tally struct {
	Documents int64            `json:"documents"`
	Rows      int64            `json:"rows"`     // that they became
	Skipped   Skipped          `json:"skipped"`  // documents or items without a row
	Replaced  map[string]int64 `json:"replaced"` // characters by column that PostgreSQL cannot hold
}

// NewTally is an empty one.
func NewTally() Tally { return Tally{Skipped: Skipped{}, Replaced: map[string]int64{}} }

// Add adds another one.
func (t *Tally) Add(o Tally) {
	t.Documents += o.Documents
	t.Rows += o.Rows
	for column, reasons := range o.Skipped {
		for why, n := range reasons {
			t.Skipped.Add(column, why, n)
		}
	}
	for column, n := range o.Replaced {
		t.Replaced[column] += n
	}
}

// Total is what became of all documents of the table.
func (l *Table) Total() Tally {
	t := NewTally()
	t.Add(l.Tally)
	for _, p := range l.Parts {
		t.Add(p.Old)
		t.Add(p.Young)
	}
	return t
}

// Duplicates is how many documents became a row that is not there: another document has the
// same id, or what it referred to was deleted later.
func (l *Table) Duplicates() int64 { return l.Total().Rows - l.Rows }

// All is what became of both the old and the young documents.
func (p *Part) All() Tally {
	t := NewTally()
	t.Add(p.Old)
	t.Add(p.Young)
	return t
}

// clone copies a record, so that one whose transaction fails is forgotten.
func (r *Record) clone() (*Record, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var c Record
	return &c, json.Unmarshal(b, &c)
}

// Reasons lists what a copy left out or changed, by table.
func (r *Record) Reasons() (list []string) {
	for _, table := range slices.Sorted(maps.Keys(r.Tables)) {
		l := r.Tables[table]
		list = append(list, l.Total().Reasons(table)...)
		if n := l.Duplicates() - l.Removed; n > 0 {
			list = append(list, fmt.Sprintf("%s: %d whose id another document has", table, n))
		}
		if l.Removed > 0 {
			list = append(list, fmt.Sprintf("%s: %d whose place was deleted meanwhile", table, l.Removed))
		}
	}
	return append(list, Ignored(r.Ignored)...)
}

// Reasons lists what has no row, as "table: 12 without a place (column: reason)", and what was
// replaced.
func (t Tally) Reasons(table string) (list []string) {
	for _, column := range slices.Sorted(maps.Keys(t.Skipped)) {
		for _, why := range slices.Sorted(maps.Keys(t.Skipped[column])) {
			list = append(list, fmt.Sprintf("%s: %d without a place (%s: %s)", table, t.Skipped[column][why], column, why))
		}
	}
	for _, column := range slices.Sorted(maps.Keys(t.Replaced)) {
		list = append(list, fmt.Sprintf("%s: %d characters of %s that PostgreSQL cannot hold, each written as U+FFFD", table, t.Replaced[column], column))
	}
	return list
}

// Ignored lists documents that are declared to have no place, by the reason.
func Ignored(counts map[string]int64) (list []string) {
	for _, why := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%d without a place: %s", counts[why], why))
	}
	return list
}
