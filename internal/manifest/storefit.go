package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ColumnFact is what a database says of a column.
type ColumnFact struct {
	Type    string   // as in pg_type
	Labels  []string // of an enum
	NotNull bool
	Default bool
	Unique  bool // it is unique by itself
	Length  int  // of varchar(n), in characters; 0 for any
}

// IntegerBits are the types of whole numbers with their size.
var IntegerBits = map[string]int{"int2": 16, "int4": 32, "int8": 64}

// takes are the types of columns that take a kind of value.
var takes = map[string][]string{
	AsText: {"text", "varchar", "bpchar"}, AsInteger: {"int2", "int4", "int8"}, AsBoolean: {"bool"},
	AsTime: {"timestamp", "timestamptz"}, AsWall: {"timestamp"},
	AsJSON: {"bytea"}, AsJSONText: {"text", "json"}, AsPickle: {"bytea"},
}

// Fit compares a table of a mapping with the database's and says everything in which they
// differ. The paths lead on from the table.
func (t StoreTable) Fit(facts map[string]ColumnFact) []StoreMistake {
	f := &storeFit{facts: facts}
	for _, name := range slices.Sorted(maps.Keys(t.Columns)) {
		if fact, there := f.fact(name, "columns", name); there {
			f.column(name, t.Columns[name], fact)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Always)) {
		if fact, there := f.fact(name, "always", name); there {
			f.always(name, t.Always[name], fact)
		}
	}
	if t.Number != "" {
		if fact := facts[t.Number]; IntegerBits[fact.Type] == 0 || !fact.Unique {
			f.wrong([]any{"number"}, t.Number, "the number of a row is a unique integer")
		}
	}
	var open []string
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		_, mapped := t.Columns[name]
		_, always := t.Always[name]
		if fact := facts[name]; fact.NotNull && !fact.Default && !mapped && !always && name != t.Number {
			open = append(open, name)
		}
	}
	switch len(open) {
	case 0:
	case 1:
		f.wrong([]any{"table"}, open[0], "it is NOT NULL and has no value")
	default: // one mistake, as they have one place
		f.found = append(f.found, StoreMistake{[]any{"table"}, "columns " + strings.Join(open, ", ") + ": they are NOT NULL and have no value"})
	}
	return f.found
}

type storeFit struct {
	facts map[string]ColumnFact
	found []StoreMistake
}

func (f *storeFit) wrong(at []any, column, format string, a ...any) {
	f.found = append(f.found, StoreMistake{at, "column " + column + ": " + fmt.Sprintf(format, a...)})
}

func (f *storeFit) fact(name string, at ...any) (ColumnFact, bool) {
	fact, there := f.facts[name]
	if !there {
		f.wrong(at, name, "the database has no such column")
	}
	return fact, there
}

// column says why a column cannot hold what is read for it.
func (f *storeFit) column(name string, c StoreColumn, fact ColumnFact) {
	at := []any{"columns", name}
	if fact.NotNull && !c.Required && c.Meta == "" {
		f.wrong(at, name, "it is NOT NULL, so it is required")
	}
	as := c.As
	switch {
	case c.Row != "":
		if fact.Type != "int4" && fact.Type != "int8" {
			f.wrong(below(at, "row"), name, "it is %s, which holds no number of a row", fact.Type)
		}
		return
	case c.Meta == "_version":
		as = AsInteger
	case as == "":
		as = AsText
	}
	switch {
	case as == AsText && len(fact.Labels) > 0 && len(c.Only) == 0:
		f.wrong(at, name, "it has certain values, which only lists: %s", strings.Join(fact.Labels, ", "))
	case as == AsText && len(fact.Labels) > 0:
		for i, label := range c.Only {
			if !slices.Contains(fact.Labels, label) {
				f.wrong(below(at, "only", i), name, "it has no value %q", label)
			}
		}
	case !slices.Contains(takes[as], fact.Type):
		f.wrong(below(at, "as"), name, "it is %s, which takes no value of kind %s", fact.Type, as)
	}
}

// always says why a column cannot hold the value that every row has.
func (f *storeFit) always(name string, v JSON, fact ColumnFact) {
	at, why := []any{"always", name}, ""
	switch text := strings.TrimSpace(string(v)); {
	case text == "null":
		if fact.NotNull {
			why = "it is NOT NULL"
		}
	case text == "true" || text == "false":
		if fact.Type != "bool" {
			why = "it is " + fact.Type + ", which takes neither true nor false"
		}
	case strings.HasPrefix(text, `"`):
		why = textFits(v, fact)
	case IntegerBits[fact.Type] > 0:
		if _, err := strconv.ParseInt(text, 10, IntegerBits[fact.Type]); err != nil {
			why = "it is " + fact.Type + ", which does not take the number " + text
		}
	case !slices.Contains([]string{"float4", "float8", "numeric"}, fact.Type):
		why = "it is " + fact.Type + ", which takes no number"
	}
	if why != "" {
		f.wrong(at, name, "%s", why)
	}
}

// textFits says why a text cannot be the value of a column. What only PostgreSQL can tell, as of a date, fits.
func textFits(v JSON, fact ColumnFact) string {
	var text string
	if json.Unmarshal(v, &text) != nil {
		return "" // told before
	}
	switch {
	case len(fact.Labels) > 0 && !slices.Contains(fact.Labels, text):
		return fmt.Sprintf("it has no value %q", text)
	case fact.Type == "bool" || IntegerBits[fact.Type] > 0:
		return "it is " + fact.Type + ", which takes no text"
	case fact.Length > 0 && utf8.RuneCountInString(text) > fact.Length:
		return "the text is longer than the column"
	}
	return ""
}

// insteadFits says why a value cannot stand for one of that kind; "" when it can, or when only
// the engine knows.
func insteadFits(as string, v JSON) string {
	v = bytes.TrimSpace(v)
	first := byte(0)
	if len(v) > 0 {
		first = v[0]
	}
	switch as {
	case "", AsText, AsTime, AsWall:
		if first != '"' {
			return "is no text"
		}
	case AsInteger:
		if _, err := strconv.ParseInt(string(v), 10, 64); err != nil {
			return "is no whole number"
		}
	case AsBoolean:
		if first != 't' && first != 'f' {
			return "is neither true nor false"
		}
	}
	return ""
}
