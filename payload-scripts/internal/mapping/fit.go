package mapping

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"onerpm/internal/manifest"
)

// Fact is what a database says of a column.
type Fact struct {
	Type    string   // as in pg_type
	Labels  []string // of an enum
	NotNull bool
	Default bool
	Unique  bool // it is unique by itself
	Length  int  // of varchar(n), in characters; 0 for any
}

// takes are the types of columns that take a kind of value.
var takes = map[string][]string{
	manifest.AsText: {"text", "varchar", "bpchar"}, manifest.AsInteger: {"int2", "int4", "int8"}, manifest.AsBoolean: {"bool"},
	manifest.AsTime: {"timestamp", "timestamptz"}, manifest.AsWall: {"timestamp"},
	manifest.AsJSON: {"bytea"}, manifest.AsJSONText: {"text", "json"}, manifest.AsPickle: {"bytea"},
}

var bits = map[string]int{"int2": 16, "int4": 32, "int8": 64}

// Fit compares the mapping with the columns of its table, says everything in which they
// differ, and holds the values to what the columns can take from now on.
func (t *Table) Fit(facts map[string]Fact) error {
	var wrong []error
	add := func(column, format string, a ...any) {
		wrong = append(wrong, fmt.Errorf("table %s, column %s: "+format, append([]any{t.Spec.Table, column}, a...)...))
	}
	for i, name := range t.Columns {
		fact, there := facts[name]
		if !there {
			add(name, "the database has no such column")
			continue
		}
		if i >= len(t.columns) {
			continue
		}
		c := t.columns[i]
		if fact.NotNull && !c.spec.Required && c.spec.Meta == "" {
			add(name, "it is NOT NULL, so it is required")
		}
		if text := c.fit(fact); text != "" {
			add(name, "%s", text)
		}
	}
	if number := t.Spec.Number; number != "" {
		if fact := facts[number]; bits[fact.Type] == 0 || !fact.Unique {
			add(number, "the number of a row is a unique integer")
		}
	}
	var others []string
	for name, fact := range facts {
		if fact.NotNull && !fact.Default && name != t.Spec.Number && !slices.Contains(t.Columns, name) {
			others = append(others, name)
		}
	}
	sort.Strings(others)
	for _, name := range others {
		add(name, "it is NOT NULL and has no value")
	}
	return errors.Join(wrong...)
}

// fit takes over what a column can hold; it returns why it cannot hold such values.
func (c *column) fit(fact Fact) string {
	as := c.kind.as
	switch {
	case c.spec.Meta == "_version":
		as = manifest.AsInteger
	case c.spec.Row != "":
		if fact.Type != "int4" && fact.Type != "int8" {
			return "it is " + fact.Type + ", which holds no number of a row"
		}
		return ""
	}
	if as == manifest.AsText && len(fact.Labels) > 0 {
		for _, label := range c.spec.Only {
			if !slices.Contains(fact.Labels, label) {
				return fmt.Sprintf("it has no value %q", label)
			}
		}
		if len(c.spec.Only) == 0 {
			return "it has certain values, which only lists: " + strings.Join(fact.Labels, ", ")
		}
		return ""
	}
	if !slices.Contains(takes[as], fact.Type) {
		return fmt.Sprintf("it is %s, which takes no value of kind %s", fact.Type, as)
	}
	c.kind.bits, c.kind.length, c.kind.zone = bits[fact.Type], fact.Length, fact.Type == "timestamptz"
	return ""
}
