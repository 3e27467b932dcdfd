package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// StoreMistake is a mistake in a mapping, with the keys that lead to it from the entry of
// stores: strings, and ints for places in lists.
type StoreMistake struct {
	Path []any
	What string
}

var (
	// hostValueGrammar is how a value of the host is called.
	hostValueGrammar = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

	hostValueIn = regexp.MustCompile(`<<([^<>"]*)>>`)

	// maxMarks bounds the marks of a table: each row keeps them.
	maxMarks = 8

	metaNames = []string{"_id", "_index", "_type", "_version"}
)

// Check says everything that makes a mapping unusable by itself, in the order of the keys.
func (s Store) Check() []StoreMistake {
	c := &storeCheck{store: s, tables: map[string]StoreTable{}}
	c.head()
	for i, t := range s.Tables {
		c.table(i, t)
	}
	return c.found
}

type storeCheck struct {
	store  Store
	tables map[string]StoreTable // those before the one that is looked at
	found  []StoreMistake
}

// wrong adds a mistake at the end of a path.
func (c *storeCheck) wrong(at []any, format string, a ...any) {
	c.found = append(c.found, StoreMistake{slices.Clone(at), fmt.Sprintf(format, a...)})
}

func below(at []any, more ...any) []any { return append(slices.Clone(at), more...) }

func (c *storeCheck) head() {
	s := c.store
	if !nameGrammar.MatchString(s.Name) {
		c.wrong([]any{"name"}, "%q is no name", s.Name)
	}
	if s.To == "" {
		c.wrong([]any{"to"}, "no database")
	}
	e := s.From.Elasticsearch
	at := []any{"from", "elasticsearch"}
	c.hostFile(at, e.File, e.Format)
	if e.Host == "" {
		c.wrong(below(at, "host"), "no key of the host")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		v, at := s.Values[name], []any{"values", name}
		if !hostValueGrammar.MatchString(name) {
			c.wrong(at, "%q is no name of a value: lower case letters, digits and _", name)
		}
		c.hostFile(at, v.File, v.Format)
		if v.Key == "" {
			c.wrong(below(at, "key"), "no key")
		}
		c.oneOf(below(at, "as"), v.As, "", AsText, AsInteger, AsBoolean)
	}
	for i, ignore := range s.Ignore {
		c.index([]any{"ignore", i, "index"}, ignore.Index)
		if ignore.Why == "" {
			c.wrong([]any{"ignore", i, "why"}, "no reason")
		}
	}
	if len(s.Tables) == 0 {
		c.wrong([]any{"tables"}, "no table")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Untouched)) {
		if s.Untouched[name] == "" {
			c.wrong([]any{"untouched", name}, "no reason")
		}
		if slices.ContainsFunc(s.Tables, func(t StoreTable) bool { return t.Table == name }) {
			c.wrong([]any{"untouched", name}, "table %s is among tables too", name)
		}
	}
}

func (c *storeCheck) hostFile(at []any, file, format string) {
	if !cleanTarget(file) {
		c.wrong(below(at, "file"), "%q is no clean absolute path", file)
	}
	c.oneOf(below(at, "format"), format, KeyedFormats...)
}

func (c *storeCheck) oneOf(at []any, got string, allowed ...string) {
	if !slices.Contains(allowed, got) {
		c.wrong(at, "%q is none of %s", got, strings.Join(slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" }), ", "))
	}
}

// index checks the name or pattern of an index.
func (c *storeCheck) index(at []any, name string) {
	if _, err := path.Match(name, ""); err != nil || name == "" || strings.HasPrefix(name, "_") || strings.ContainsAny(name, `?[]\/, "<>|#`) || strings.ToLower(name) != name {
		c.wrong(at, "%q is no index", name)
	}
}

func (c *storeCheck) table(i int, t StoreTable) {
	at := []any{"tables", i}
	if _, err := t.Name(); err != nil {
		c.wrong(below(at, "table"), "%v", err)
	} else if _, twice := c.tables[t.Table]; twice {
		c.wrong(below(at, "table"), "table %s is there twice", t.Table)
	}
	c.index(below(at, "read", "index"), t.Read.Index)
	if t.Read.Type == "" || strings.ContainsAny(t.Read.Type, `*?,/ "`) || strings.HasPrefix(t.Read.Type, "_") {
		c.wrong(below(at, "read", "type"), "%q is no type of documents", t.Read.Type)
	}
	if t.Read.Each != "" {
		c.path(below(at, "read", "each"), t.Read.Each)
	}
	if len(t.Key) == 0 {
		c.wrong(below(at, "key"), "no key")
	}
	for j, part := range t.Key {
		c.part(below(at, "key", j), part)
	}
	c.grows(at, t)
	for _, name := range slices.Sorted(maps.Keys(t.Always)) {
		v := t.Always[name]
		if c.json(below(at, "always", name), v) && strings.ContainsAny(string(v[:1]), "{[") {
			c.wrong(below(at, "always", name), "%s is more than one value", v)
		}
		if _, twice := t.Columns[name]; twice || name == t.Number {
			c.wrong(below(at, "always", name), "column %s has another value too", name)
		}
	}
	if len(t.Columns) == 0 {
		c.wrong(below(at, "columns"), "no column")
	}
	for _, name := range slices.Sorted(maps.Keys(t.Columns)) {
		if name == "" || name == t.Number {
			c.wrong(below(at, "columns", name), "column %q has another value too", name)
		}
		c.column(below(at, "columns", name), t, t.Columns[name])
	}
	for j, e := range t.Edit {
		c.edit(below(at, "edit", j), e)
	}
	if len(t.Marks) > maxMarks || len(t.Marks) > 0 && (t.Number == "" || t.Read.Each != "") {
		c.wrong(below(at, "marks"), "at most %d, of a table that others refer to", maxMarks)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Marks)) {
		c.conditions(below(at, "marks", name), t.Marks[name])
	}
	c.tables[t.Table] = t
}

// grows checks what documents that are only added need: an id in the table.
func (c *storeCheck) grows(at []any, t StoreTable) {
	if t.Read.Grows == "" {
		return
	}
	c.path(below(at, "read", "grows"), t.Read.Grows)
	if t.Read.Each != "" {
		c.wrong(below(at, "read", "each"), "documents that are only added become one row each")
	}
	if len(t.Key) != 1 || t.Key[0] != "_id" {
		c.wrong(below(at, "key"), "documents that are only added have the key [ _id ]")
	}
	if t.IDColumn() == "" {
		c.wrong(below(at, "columns"), "no column has meta: _id, by which the documents are found again")
	}
}

// IDColumn is the first column, by name, that holds the document's id; "" when none does.
func (t StoreTable) IDColumn() string {
	for _, name := range slices.Sorted(maps.Keys(t.Columns)) {
		if t.Columns[name].Meta == "_id" {
			return name
		}
	}
	return ""
}

// References are the columns that refer to rows of other tables, sorted.
func (t StoreTable) References() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(t.Columns)), func(name string) bool { return t.Columns[name].Row == "" })
}

// Name splits the table's name into its schema and its own.
func (t StoreTable) Name() ([2]string, error) {
	schema, name, has := strings.Cut(t.Table, ".")
	if !has {
		schema, name = "public", t.Table
	}
	if schema == "" || name == "" || strings.ContainsAny(t.Table, "\"\x00") || strings.Contains(name, ".") {
		return [2]string{}, fmt.Errorf("%q is no table", t.Table)
	}
	return [2]string{schema, name}, nil
}

// path checks a path in a document.
func (c *storeCheck) path(at []any, p string) {
	if _, err := SplitPath(p); err != nil {
		c.wrong(at, "%v", err)
	}
}

// part checks one value of a key: a path or what the document is called by.
func (c *storeCheck) part(at []any, p string) {
	if !slices.Contains(metaNames, p) {
		c.path(at, p)
	}
}

// json checks a value and the names of the host's values in it.
func (c *storeCheck) json(at []any, v JSON) bool {
	if !json.Valid(v) {
		c.wrong(at, "%q is no JSON", string(v))
		return false
	}
	for _, m := range hostValueIn.FindAllSubmatch(v, -1) {
		if _, known := c.store.Values[string(m[1])]; !known {
			c.wrong(at, "values has no %q", string(m[1]))
		}
	}
	return true
}
