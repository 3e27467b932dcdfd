// Package mistake is what a release engineer wrote wrong: where it stands, what
// is wrong with it and what may stand there instead. Readers collect mistakes
// instead of stopping at the first, so that one run shows all of them.
package mistake

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong in one file.
type Mistake struct {
	File    string `json:"file"`              // as a person would name it, relative to the project
	Line    int    `json:"line,omitempty"`    // from 1; 0 when the file as a whole is meant
	Column  int    `json:"column,omitempty"`  // from 1, in characters; 0 when the line as a whole is meant
	What    string `json:"what"`              // what is wrong
	Allowed string `json:"allowed,omitempty"` // what may stand there, "" when What says it
}

// String is file:line:column: what; allowed.
func (m Mistake) String() string {
	var b strings.Builder
	b.WriteString(m.File)
	if m.Line > 0 {
		fmt.Fprintf(&b, ":%d", m.Line)
	}
	if m.Line > 0 && m.Column > 0 {
		fmt.Fprintf(&b, ":%d", m.Column)
	}
	b.WriteString(": " + m.What)
	if m.Allowed != "" {
		b.WriteString("; " + m.Allowed)
	}
	return b.String()
}

// List is every mistake of a run. It is an error when it is not empty; use Err.
type List []Mistake

// Error shows one mistake a line.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, m := range l {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

// Err returns the list as an error, nil when it is empty.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// Add adds a mistake, unless its place is known and already has one: the second
// is as a rule a consequence of the first.
func (l *List) Add(m Mistake) {
	for _, old := range *l {
		if m.Line > 0 && m.Column > 0 && old.File == m.File && old.Line == m.Line && old.Column == m.Column {
			return
		}
	}
	*l = append(*l, m)
}

// Sort orders the list by file, line and column, and keeps the order of those at
// the same place.
func (l List) Sort() {
	slices.SortStableFunc(l, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
