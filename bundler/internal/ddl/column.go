package ddl

import (
	"slices"
	"strconv"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/sqltext"
)

// typeNames are the names in pg_type of types that SQL calls otherwise.
var typeNames = map[string]string{
	"int": "int4", "integer": "int4", "smallint": "int2", "bigint": "int8", "boolean": "bool", "real": "float4", "decimal": "numeric",
	"character": "bpchar", "char": "bpchar", "bit varying": "varbit", "character varying": "varchar", "double precision": "float8", "float": "float8",
	"timestamp with": "timestamptz", "time with": "timetz",
}

// serials are the types that bring NOT NULL and a default along.
var serials = map[string]string{"serial": "int4", "serial4": "int4", "bigserial": "int8", "serial8": "int8", "smallserial": "int2", "serial2": "int2"}

// constraints are the words that begin a constraint of a column, or what is said of one.
var constraints = []string{"constraint", "not", "null", "check", "default", "generated", "unique", "primary", "references", "collate",
	"deferrable", "initially", "storage", "compression"}

// column reads the definition of a column.
func (r *reader) column(t *Table) bool {
	if len(r.tokens)-r.at < 2 || r.peek().Is("like") || r.peek().Kind == sqltext.Sign {
		return false
	}
	name := r.next().Text
	fact := r.typ()
	for !r.end() {
		if !r.columnConstraint(t, name, &fact) {
			return false
		}
	}
	if _, twice := t.Columns[name]; !twice {
		t.Order = append(t.Order, name)
	}
	t.Columns[name] = fact
	return true
}

// typ reads the name of a type, with what follows it.
func (r *reader) typ() (f manifest.ColumnFact) {
	name := r.name()
	for _, second := range []string{"varying", "precision"} {
		if r.accept(second) {
			name += " " + second
		}
	}
	modifier := r.group() // before "with time zone" too: timestamp(3) with time zone
	if r.accept("with", "time", "zone") {
		name += " with"
	}
	r.accept("without", "time", "zone")
	f.Type = name
	if known := typeNames[name]; known != "" {
		f.Type = known
	}
	if serial := serials[name]; serial != "" {
		f.Type, f.NotNull, f.Default = serial, true, true
	}
	if f.Type == "bpchar" {
		f.Length = 1
	}
	if len(modifier) == 1 && len(modifier[0]) == 1 && (f.Type == "varchar" || f.Type == "bpchar") {
		f.Length, _ = strconv.Atoi(modifier[0][0].Text) // PostgreSQL itself refuses what is no number
	}
	f.Labels = r.schema.Enums[name]
	f.Type = f.Type[strings.LastIndexByte(f.Type, '.')+1:]
	if r.peek().Is("[") || r.peek().Is("array") {
		f.Type, f.Labels, f.Length = "_"+f.Type, nil, 0
		for !r.end() && !slices.Contains(constraints, r.peek().Text) {
			r.next()
		}
	}
	return f
}

// columnConstraint reads one constraint behind a column's type.
func (r *reader) columnConstraint(t *Table, name string, f *manifest.ColumnFact) bool {
	switch {
	case r.accept("constraint"), r.accept("collate"):
		r.name()
	case r.accept("not", "null"):
		f.NotNull = true
	case r.accept("null"):
	case r.accept("primary", "key"):
		f.NotNull, f.Unique, t.Primary = true, true, name
	case r.accept("unique"):
		f.Unique = true
	case r.accept("check"):
		r.group()
		r.accept("no", "inherit")
	case r.accept("default"):
		f.Default = r.expression()
	case r.accept("generated"):
		f.Default = true
		if r.accept("always", "as", "identity") || r.accept("by", "default", "as", "identity") {
			f.NotNull = true
			r.group()
			return true
		}
		r.accept("always", "as")
		r.group()
		r.skipAny("stored", "virtual")
	case r.accept("references"):
		t.Refers[name] = r.reference()
	case r.accept("storage"), r.accept("compression"):
		r.next()
	case r.accept("not", "deferrable"), r.accept("deferrable"), r.accept("initially", "deferred"), r.accept("initially", "immediate"):
	case r.accept("nulls", "not", "distinct"), r.accept("nulls", "distinct"):
	default:
		return false
	}
	return true
}

// expression goes over the expression of a default, and reports whether it is another than NULL.
func (r *reader) expression() bool {
	start := r.at
	if r.end() {
		return false
	}
	for !r.end() {
		if r.peek().Is("(") {
			r.group()
			continue
		}
		if r.at > start && r.peek().Kind == sqltext.Word && slices.Contains(constraints, r.peek().Text) {
			break
		}
		r.next()
	}
	return !r.tokens[start].Is("null")
}

// reference reads what stands behind REFERENCES.
func (r *reader) reference() Reference {
	ref := Reference{Table: r.name()}
	if columns := names(r.group()); len(columns) == 1 {
		ref.Column = columns[0]
	}
	for {
		switch {
		case r.accept("on", "delete"), r.accept("on", "update"):
			if r.accept("set") || r.accept("no") {
				r.next()
				r.group()
			} else {
				r.next()
			}
		case r.accept("match"):
			r.next()
		default:
			return ref
		}
	}
}

func names(parts [][]sqltext.Token) (list []string) {
	for _, p := range parts {
		if len(p) > 0 {
			list = append(list, p[0].Text)
		}
	}
	return list
}

// isConstraint reports whether a part of a table is a constraint, not a column.
func (r *reader) isConstraint() bool {
	t := r.peek()
	return t.Kind == sqltext.Word && slices.Contains([]string{"constraint", "primary", "unique", "foreign", "check", "exclude"}, t.Text)
}

// constraint reads a constraint of the whole table; false when none comes.
func (r *reader) constraint(t *Table) bool {
	if !r.isConstraint() {
		return false
	}
	if r.accept("constraint") {
		r.name()
	}
	switch {
	case r.accept("primary", "key"):
		columns := names(r.group())
		for _, c := range columns {
			t.change(c, func(f *manifest.ColumnFact) { f.NotNull = true })
		}
		if len(columns) == 1 {
			t.Primary = columns[0]
			t.unique(columns[0])
		}
	case r.accept("unique"):
		r.skipAny("nulls", "not", "distinct")
		if columns := names(r.group()); len(columns) == 1 {
			t.unique(columns[0])
		}
	case r.accept("foreign", "key"):
		columns := names(r.group())
		if r.accept("references"); len(columns) == 1 {
			t.Refers[columns[0]] = r.reference()
		}
	}
	return true
}

func (t *Table) unique(column string) {
	t.change(column, func(f *manifest.ColumnFact) { f.Unique = true })
}

// change changes what is known of a column that is there.
func (t *Table) change(column string, change func(*manifest.ColumnFact)) {
	if f, is := t.Columns[column]; is {
		change(&f)
		t.Columns[column] = f
	}
}
