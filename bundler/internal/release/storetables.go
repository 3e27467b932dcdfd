package release

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"onerpm/bundler/internal/ddl"
	"onerpm/bundler/internal/mistake"
	"onerpm/internal/manifest"
)

// storeTables compares the mappings with the tables that they fill. Those are the work of the
// expand migrations, because they are there, and empty, when the copying begins.
func (r *reader) storeTables(p *page, s *Spec) {
	for _, db := range s.Databases {
		last := -1 // store that fills this database
		for i, store := range s.Stores {
			if store.To == db.Name {
				last = i
			}
		}
		if last < 0 {
			continue
		}
		if db.Migrations == "" {
			p.wrong(fmt.Sprintf("database %s has no migrations that make its tables", db.Name), "the schema of the new release is the first expand migration", "stores", last, "to")
			continue
		}
		if len(s.Migrations[db.Name]) == 0 {
			continue // they could not be read
		}
		c := &storeTables{page: p, database: db.Name, mapped: map[string]bool{}}
		for _, m := range s.Migrations[db.Name] {
			if up := r.ups[m.File]; up != nil && m.Phase == "expand" {
				c.schema.Apply(m.File, up.line, up.text.String())
			}
		}
		for i, store := range s.Stores {
			if store.To == db.Name {
				c.store(i, store)
			}
		}
		c.rest(last)
		for _, u := range c.schema.Unread {
			r.cat.Warnings.Add(mistake.Mistake{File: u.File, Line: u.Line, Column: 1, What: "what this does to tables is not seen, and so not compared with stores: " + u.What})
		}
	}
}

// storeTables compares the stores of one database with its tables.
type storeTables struct {
	page     *page
	database string
	schema   ddl.Schema
	mapped   map[string]bool // tables that get rows, or need none
	numbers  map[string]string
}

// tableName is a table's name as ddl has it.
func tableName(name string) string { return strings.TrimPrefix(name, "public.") }

func (c *storeTables) store(i int, store manifest.Store) {
	c.numbers = map[string]string{}
	for _, t := range store.Tables {
		c.numbers[tableName(t.Table)] = t.Number
	}
	for _, name := range sortedKeys(store.Untouched) {
		if c.schema.Tables[tableName(name)] == nil {
			c.unknown(name, "stores", i, "untouched", name)
		}
		c.mapped[tableName(name)] = true
	}
	for j, t := range store.Tables {
		at := under([]any{"stores", i, "tables", j})
		name := tableName(t.Table)
		c.mapped[name] = true
		table := c.schema.Tables[name]
		if table == nil {
			c.unknown(t.Table, at("table")...)
			continue
		}
		if table.Filled != "" {
			c.page.wrong(fmt.Sprintf("%s puts rows into table %s", table.Filled, t.Table), "a table that documents are copied into is empty before", at("read")...)
		}
		for _, m := range t.Fit(table.Columns) {
			c.page.wrong(m.What, "", at(m.Path...)...)
		}
		limits(t, table)
		c.references(t, table, at)
	}
}

// limits notes what the columns can hold.
func limits(t manifest.StoreTable, table *ddl.Table) {
	for name, column := range t.Columns {
		fact := table.Columns[name]
		column.Length = fact.Length
		if bits := manifest.IntegerBits[fact.Type]; bits != 32 && column.Row == "" {
			column.Bits = bits
		}
		t.Columns[name] = column
	}
}

func (c *storeTables) unknown(name string, at ...any) {
	if name != "" {
		c.page.wrong(fmt.Sprintf("no expand migration of database %s makes a table %s", c.database, name), "", at...)
	}
}

// references checks that a foreign key leads to a row that the copy knows, or that was there before.
func (c *storeTables) references(t manifest.StoreTable, table *ddl.Table, at func(...any) []any) {
	for _, column := range sortedKeys(table.Refers) {
		ref := table.Refers[column]
		number, copied := c.numbers[ref.Table]
		wrong := func(allowed, format string, a ...any) {
			key := "columns"
			if _, always := t.Always[column]; always {
				key = "always"
			}
			c.page.wrong(fmt.Sprintf("column %s refers to table %s: ", column, ref.Table)+fmt.Sprintf(format, a...), allowed, at(key, column)...)
		}
		col, mapped := t.Columns[column]
		value, always := t.Always[column]
		switch {
		case mapped && tableName(col.Row) == ref.Table:
			if to := cmp.Or(ref.Column, c.primary(ref.Table)); to != number {
				wrong("the column that number names", "it takes the values of its column %s, which is not its number", to)
			}
		case mapped && col.Row != "" && !known(c.numbers, col.Row): // told before
		case mapped && col.Row != "":
			wrong("row: "+ref.Table, "row names %s", col.Row)
		case mapped && !copied:
			wrong("", "no entry of tables fills that, so there is no such row")
		case mapped:
			wrong("row: "+ref.Table, "a value of the document may name a row that is not there")
		case always && string(value) == "null":
		case always && copied:
			wrong("row: "+ref.Table, "its rows get their numbers from the copy, so that none is the same for all")
		case always && c.schema.Tables[ref.Table] != nil && c.schema.Tables[ref.Table].Filled == "":
			wrong("", "no migration puts a row into that")
		}
	}
}

// primary is the column that a foreign key leads to when it names none.
func (c *storeTables) primary(table string) string {
	if t := c.schema.Tables[table]; t != nil {
		return t.Primary
	}
	return ""
}

func known(numbers map[string]string, table string) bool {
	_, is := numbers[tableName(table)]
	return is
}

// rest names the tables that nobody says anything about, at the last of the database's stores.
func (c *storeTables) rest(last int) {
	var open []string
	for _, name := range slices.SortedFunc(maps.Keys(c.schema.Tables), cmp.Compare[string]) {
		if !c.mapped[name] {
			open = append(open, name)
		}
	}
	if open != nil {
		c.page.wrong("no documents are read for "+strings.Join(open, ", "), "an entry of tables for each, or of untouched, which says why there is nothing to copy", "stores", last, "tables")
	}
}
