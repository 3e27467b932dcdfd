// Package ddl reads migrations as far as they say which tables there are afterwards: columns
// with their types, what must not be NULL, what refers to what. So a mapping can be compared
// with tables before any database is there.
//
// It knows CREATE TABLE, CREATE TYPE ... AS ENUM, ALTER TABLE, DROP TABLE, CREATE UNIQUE INDEX
// and INSERT, in the forms that people and pg_dump write. It promises to name every statement
// that it does not know and that could make or change a table.
package ddl

import (
	"slices"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/sqltext"
)

// Schema is what statements have made. The zero value is an empty database.
type Schema struct {
	Tables map[string]*Table // by name; with its schema, when that is not public
	Unread []Unread          // statements whose effect on tables is not known
	Enums  map[string][]string
}

// Table is one table.
type Table struct {
	Name    string
	Columns map[string]manifest.ColumnFact // by name
	Refers  map[string]Reference           // by the column's name; keys of one column
	Primary string                         // the column that is the primary key, "" for none or several
	Filled  string                         // the file that puts rows in, "" for none
	Line    int                            // of the statement that makes it
	Order   []string                       // the columns as they stand
}

// Reference is where a foreign key leads to.
type Reference struct {
	Table  string
	Column string // "" for the table's primary key
}

// Unread is a statement whose effect on tables is not known.
type Unread struct {
	File string
	Line int // from 1
	What string
}

// silent are the first words of statements that make and change no table.
var silent = []string{"select", "set", "reset", "comment", "grant", "revoke", "analyze", "vacuum", "reindex", "refresh", "update", "delete",
	"lock", "notify", "truncate", "security"}

// silentObjects are what CREATE, ALTER and DROP may have to do with beside tables and types.
var silentObjects = []string{"index", "sequence", "view", "materialized", "function", "procedure", "aggregate", "trigger", "extension", "schema",
	"domain", "cast", "collation", "operator", "role", "user", "rule", "policy", "statistics", "default", "temp", "temporary", "constraint", "event"}

// Apply takes the statements of one file over, in their order. line is that of the text's first line.
func (s *Schema) Apply(file string, line int, sql string) {
	if s.Tables == nil {
		s.Tables, s.Enums = map[string]*Table{}, map[string][]string{}
	}
	for _, text := range sqltext.Statements(sql) {
		tokens := sqltext.Lex(text)
		if len(tokens) > 0 {
			r := &reader{schema: s, tokens: tokens, file: file, line: line + strings.Count(text[:tokens[0].Offset], "\n")}
			if !r.statement() {
				s.Unread = append(s.Unread, Unread{file, r.line, beginning(tokens)})
			}
		}
		line += strings.Count(text, "\n")
	}
}

// beginning is the first words of a statement, for people.
func beginning(tokens []sqltext.Token) string {
	var words []string
	for _, t := range tokens[:min(len(tokens), 4)] {
		if t.Kind == sqltext.String {
			break
		}
		words = append(words, t.Text)
	}
	return strings.Join(words, " ")
}

// reader goes through one statement.
type reader struct {
	schema *Schema
	tokens []sqltext.Token
	file   string
	line   int // of the statement
	at     int
}

// end reports whether nothing is left.
func (r *reader) end() bool { return r.at >= len(r.tokens) }

// peek is the token that comes next; none is a sign without text.
func (r *reader) peek() sqltext.Token {
	if r.end() {
		return sqltext.Token{Kind: sqltext.Sign}
	}
	return r.tokens[r.at]
}

func (r *reader) next() sqltext.Token {
	t := r.peek()
	r.at++
	return t
}

// accept consumes these words when they come next, and reports whether they did.
func (r *reader) accept(words ...string) bool {
	for i, w := range words {
		if r.at+i >= len(r.tokens) || !r.tokens[r.at+i].Is(w) {
			return false
		}
	}
	r.at += len(words)
	return true
}

// skipAny goes over each of these words, in any order.
func (r *reader) skipAny(words ...string) {
	for !r.end() && r.peek().Kind == sqltext.Word && slices.Contains(words, r.peek().Text) {
		r.at++
	}
}

// name reads a name with its schema, which is left out when it is public.
func (r *reader) name() string {
	name := r.next().Text
	for r.accept(".") {
		if part := r.next().Text; name == "public" || name == "pg_catalog" {
			name = part
		} else {
			name += "." + part
		}
	}
	return name
}

// group reads what stands between brackets, the brackets left out, cut at its commas.
func (r *reader) group() [][]sqltext.Token {
	if !r.accept("(") {
		return nil
	}
	var list [][]sqltext.Token
	start, depth := r.at, 0
	for ; !r.end(); r.at++ {
		switch t := r.peek(); {
		case t.Is("(") || t.Is("["):
			depth++
		case t.Is(")") && depth == 0:
			list = append(list, r.tokens[start:r.at])
			r.at++
			return list
		case t.Is(")") || t.Is("]"):
			depth--
		case t.Is(",") && depth == 0:
			list = append(list, r.tokens[start:r.at])
			start = r.at + 1
		}
	}
	return list
}

// actions cuts what is left at its commas.
func (r *reader) actions() [][]sqltext.Token {
	tokens := slices.Concat([]sqltext.Token{{Kind: sqltext.Sign, Text: "("}}, r.tokens[r.at:], []sqltext.Token{{Kind: sqltext.Sign, Text: ")"}})
	return (&reader{tokens: tokens}).group()
}

// statement takes one statement over; false when its effect on tables is not known.
func (r *reader) statement() bool {
	switch first := r.next(); {
	case first.Is("create"):
		return r.create()
	case first.Is("alter"):
		return r.alter()
	case first.Is("drop"):
		return r.drop()
	case first.Is("insert"):
		r.accept("into")
		r.fills(r.name())
		return true
	case first.Is("copy"):
		r.fills(r.name())
		return true
	default:
		return first.Kind == sqltext.Word && slices.Contains(silent, first.Text)
	}
}

func (r *reader) fills(table string) {
	if t := r.schema.Tables[table]; t != nil && t.Filled == "" {
		t.Filled = r.file
	}
}

func (r *reader) create() bool {
	r.accept("or", "replace")
	r.accept("unlogged")
	switch {
	case r.accept("table"):
		return r.createTable()
	case r.accept("type"):
		name := r.name()
		if r.accept("as", "enum") {
			r.schema.Enums[name] = texts(r.group())
		}
		return true
	case r.accept("unique", "index"):
		return r.uniqueIndex()
	}
	return slices.Contains(silentObjects, r.peek().Text)
}

// texts are the strings of a list.
func texts(parts [][]sqltext.Token) (list []string) {
	for _, p := range parts {
		if len(p) == 1 && p[0].Kind == sqltext.String {
			list = append(list, p[0].Text)
		}
	}
	return list
}

func (r *reader) createTable() bool {
	unless := r.accept("if", "not", "exists")
	name := r.name()
	if !r.peek().Is("(") {
		return false // AS, OF, PARTITION OF
	}
	if unless && r.schema.Tables[name] != nil {
		return true
	}
	t := &Table{Name: name, Line: r.line, Columns: map[string]manifest.ColumnFact{}, Refers: map[string]Reference{}}
	known := true
	parts := r.group()
	for _, part := range parts {
		e := &reader{schema: r.schema, tokens: part, file: r.file}
		known = (e.isConstraint() || e.column(t)) && known
	}
	for _, part := range parts { // of columns that may stand behind them
		(&reader{schema: r.schema, tokens: part, file: r.file}).constraint(t)
	}
	r.schema.Tables[name] = t
	return known && !r.peek().Is("inherits")
}

// uniqueIndex notes a column that is unique by itself in all rows.
func (r *reader) uniqueIndex() bool {
	r.accept("concurrently")
	r.accept("if", "not", "exists")
	if !r.peek().Is("on") {
		r.name()
	}
	if !r.accept("on") {
		return false
	}
	r.accept("only")
	t := r.schema.Tables[r.name()]
	if r.accept("using") {
		r.next()
	}
	if columns := r.group(); t != nil && len(columns) == 1 && len(columns[0]) == 1 && !slices.ContainsFunc(r.tokens[r.at:], func(t sqltext.Token) bool { return t.Is("where") }) {
		t.unique(columns[0][0].Text)
	}
	return true
}

func (r *reader) drop() bool {
	if r.accept("type") {
		return true // nothing can be left that has it
	}
	if !r.accept("table") {
		return slices.Contains(silentObjects, r.peek().Text)
	}
	r.accept("if", "exists")
	for {
		delete(r.schema.Tables, r.name())
		if !r.accept(",") {
			return true
		}
	}
}
