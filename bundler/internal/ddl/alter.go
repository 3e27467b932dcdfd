package ddl

import (
	"slices"
	"strings"

	"onerpm/internal/manifest"
)

func (r *reader) alter() bool {
	switch {
	case r.accept("type"):
		r.addLabel()
		return true
	case r.accept("table"):
	default:
		return slices.Contains(silentObjects, r.peek().Text)
	}
	r.accept("if", "exists")
	r.accept("only")
	name := r.name()
	t := r.schema.Tables[name]
	if t == nil {
		return true // not made by these migrations
	}
	known := true
	for _, action := range r.actions() {
		a := &reader{schema: r.schema, tokens: action, file: r.file}
		known = a.action(t) && known
	}
	return known
}

// addLabel reads ALTER TYPE ... ADD VALUE.
func (r *reader) addLabel() {
	name := r.name()
	if r.accept("add", "value") {
		r.accept("if", "not", "exists")
		r.schema.Enums[name] = append(r.schema.Enums[name], r.next().Text)
		for _, t := range r.schema.Tables {
			for column := range t.Columns {
				t.change(column, func(f *manifest.ColumnFact) {
					if f.Type == name[strings.LastIndexByte(name, '.')+1:] && f.Labels != nil {
						f.Labels = r.schema.Enums[name]
					}
				})
			}
		}
	}
}

// action takes one change of a table over.
func (r *reader) action(t *Table) bool {
	switch {
	case r.accept("add"):
		if r.constraint(t) {
			return true
		}
		r.accept("column")
		r.accept("if", "not", "exists")
		return r.column(t)
	case r.accept("drop", "constraint"):
		return false // which of the things that are known it was is not kept
	case r.accept("drop"):
		r.accept("column")
		r.accept("if", "exists")
		name := r.next().Text
		delete(t.Columns, name)
		delete(t.Refers, name)
		t.Order = slices.DeleteFunc(t.Order, func(c string) bool { return c == name })
		return true
	case r.accept("alter"):
		r.accept("column")
		return r.alterColumn(t, r.next().Text)
	case r.accept("rename"):
		return r.rename(t)
	case r.accept("owner"), r.accept("enable"), r.accept("disable"), r.accept("validate"), r.accept("cluster"), r.accept("replica"):
		return true
	case r.accept("set"):
		return !r.peek().Is("schema")
	}
	return false
}

func (r *reader) alterColumn(t *Table, name string) bool {
	change := func(change func(*manifest.ColumnFact)) bool {
		t.change(name, change)
		return true
	}
	switch {
	case r.accept("set", "not", "null"):
		return change(func(f *manifest.ColumnFact) { f.NotNull = true })
	case r.accept("drop", "not", "null"):
		return change(func(f *manifest.ColumnFact) { f.NotNull = false })
	case r.accept("set", "default"):
		return change(func(f *manifest.ColumnFact) { f.Default = r.expression() })
	case r.accept("drop", "default"), r.accept("drop", "identity"):
		return change(func(f *manifest.ColumnFact) { f.Default = false })
	case r.accept("add", "generated"):
		return change(func(f *manifest.ColumnFact) { f.Default = true })
	case r.accept("set", "data", "type"), r.accept("type"):
		is := r.typ()
		return change(func(f *manifest.ColumnFact) { f.Type, f.Labels, f.Length = is.Type, is.Labels, is.Length })
	case r.accept("set", "storage"), r.accept("set", "statistics"), r.accept("set", "compression"):
		return true
	}
	return false
}

func (r *reader) rename(t *Table) bool {
	if r.accept("constraint") {
		return true
	}
	if r.accept("to") {
		name := r.name()
		delete(r.schema.Tables, t.Name)
		for _, other := range r.schema.Tables {
			for column, ref := range other.Refers {
				if ref.Table == t.Name {
					other.Refers[column] = Reference{name, ref.Column}
				}
			}
		}
		t.Name, r.schema.Tables[name] = name, t
		return true
	}
	r.accept("column")
	old := r.next().Text
	if !r.accept("to") {
		return false
	}
	name := r.next().Text
	if f, is := t.Columns[old]; is {
		delete(t.Columns, old)
		t.Columns[name] = f
		t.Order[slices.Index(t.Order, old)] = name
		if t.Primary == old {
			t.Primary = name
		}
	}
	if ref, is := t.Refers[old]; is {
		delete(t.Refers, old)
		t.Refers[name] = ref
	}
	return true
}
