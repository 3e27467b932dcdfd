package mapping

import (
	"errors"
	"fmt"

	"onerpm/internal/manifest"
)

// Fit compares the mapping with the columns of its table, says everything in which they
// differ, and holds the values to what the columns can take from now on.
func (t *Table) Fit(facts map[string]manifest.ColumnFact) error {
	var wrong []error
	for _, m := range t.Spec.Fit(facts) {
		wrong = append(wrong, fmt.Errorf("table %s, %s", t.Spec.Table, m.What))
	}
	for i, c := range t.columns {
		fact := facts[t.Columns[i]]
		c.kind.bits, c.kind.length, c.kind.zone = manifest.IntegerBits[fact.Type], fact.Length, fact.Type == "timestamptz"
	}
	return errors.Join(wrong...)
}
