package scaffold

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"onerpm/bundler/internal/ddl"
	"onerpm/internal/manifest"
	"onerpm/internal/sqltext"
)

// Schema is the new release's tables, for data that moves into them: SQL as pg_dump --schema-only writes it.
type Schema struct {
	File string // for people
	SQL  string
}

// Tables counts the tables that it makes.
func (s *Schema) Tables() int { return len(s.read().Tables) }

func (s *Schema) read() *ddl.Schema {
	var d ddl.Schema
	d.Apply(s.File, 1, s.SQL)
	return &d
}

// baseline is the migration that makes the new release's tables.
func (s *spec) baseline() string {
	var up []string
	for _, text := range sqltext.Statements(s.in.Schema.SQL) {
		lines := slices.DeleteFunc(strings.SplitAfter(text, "\n"), func(l string) bool { return strings.HasPrefix(l, `\`) })
		if text = strings.Trim(strings.Join(lines, ""), "\n"); ofSession(text) {
			continue
		}
		text += ";\n"
		if _, marks := sqltext.Blank(text); slices.ContainsFunc(marks, func(m sqltext.Semicolon) bool { return !m.Top }) {
			text = "-- +goose StatementBegin\n" + text + "-- +goose StatementEnd\n"
		}
		up = append(up, text)
	}
	d := s.in.Schema.read()
	var tables, types []string
	for _, t := range slices.Backward(ordered(d)) {
		tables = append(tables, identifier(t.Name))
	}
	for name := range d.Enums {
		types = append(types, identifier(name))
	}
	slices.Sort(types)
	down := "SELECT 1;\n"
	if tables != nil {
		down = "DROP TABLE " + strings.Join(tables, ", ") + ";\n"
	}
	if types != nil {
		down += "DROP TYPE " + strings.Join(types, ", ") + ";\n"
	}
	return fmt.Sprintf("-- The tables of %s, out of %s. What belongs to the session or names an owner is left out.\n-- +goose Up\n%s\n-- +goose Down\n%s",
		s.in.To.Version, filepath.Base(plain(s.in.Schema.File)), strings.Join(up, ""), down)
}

// ofSession tells of a statement of a dump that is not about the schema.
func ofSession(text string) bool {
	tokens := sqltext.Lex(text)
	if len(tokens) == 0 || tokens[0].Is("set") {
		return true
	}
	is := func(words ...string) bool {
		return slices.ContainsFunc(tokens, func(t sqltext.Token) bool { return slices.ContainsFunc(words, t.Is) })
	}
	return tokens[0].Is("select") && is("set_config") || tokens[0].Is("alter") && is("owner") && !is("add", "column", "default")
}

// identifier writes a name, which may have a schema before it, for SQL.
func identifier(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		if tokens := sqltext.Lex(p); len(tokens) != 1 || tokens[0].Kind != sqltext.Word || tokens[0].Text != p {
			parts[i] = `"` + strings.ReplaceAll(p, `"`, `""`) + `"`
		}
	}
	return strings.Join(parts, ".")
}

// ordered are the tables so that those which others refer to come first, and else as they stand.
func ordered(d *ddl.Schema) (out []*ddl.Table) {
	rest := make([]*ddl.Table, 0, len(d.Tables))
	for _, t := range d.Tables {
		rest = append(rest, t)
	}
	slices.SortFunc(rest, func(a, b *ddl.Table) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return strings.Compare(a.Name, b.Name)
	})
	seen := map[string]bool{}
	var put func(t *ddl.Table)
	put = func(t *ddl.Table) {
		if t == nil || seen[t.Name] {
			return
		}
		seen[t.Name] = true
		for _, c := range t.Order {
			put(d.Tables[t.Refers[c].Table])
		}
		out = append(out, t)
	}
	for _, t := range rest {
		put(t)
	}
	return out
}

// stores is the section of data that moves, with every table of the schema in it.
func (s *spec) stores() string {
	if s.in.Schema == nil {
		return ""
	}
	d := s.in.Schema.read()
	to := "main"
	if s.before.spec != nil && len(s.before.spec.Databases) > 0 {
		to = s.before.spec.Databases[0].Name
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# Data that moves out of the old release's Elasticsearch into these tables: docs/stores.md. Tables, columns and kinds are those of %s,
# in the order of their foreign keys. That a value stands in the document under its column's name is assumed: look at every one.
stores:
  - name: storage
    from:
      elasticsearch:
        file: %s
        format: yaml # %s
        host: %s
        # port: the key of its HTTP port; 9200 without it
    to: %s
    # ignore: [ { index: "metrics-*", why: they are collected anew } ]   documents that no table reads
    tables:
`, filepath.Base(plain(s.in.Schema.File)), undecided("the file on the host that has the address of Elasticsearch"), formats, undecided("its key of the host"), quoted(to))
	var untouched []*ddl.Table
	for _, t := range ordered(d) {
		if t.Filled != "" || len(t.Columns) == 0 {
			untouched = append(untouched, t)
			continue
		}
		storeTable(&b, d, t)
	}
	if untouched != nil {
		b.WriteString("    untouched: # tables that get no documents, and why\n")
	}
	for _, t := range untouched {
		fmt.Fprintf(&b, "      %s: the migration makes its rows\n", quoted(t.Name))
	}
	return b.String()
}

// storeTable is the entry of one table.
func storeTable(b *strings.Builder, d *ddl.Schema, t *ddl.Table) {
	fmt.Fprintf(b, "      - table: %s # or below untouched, when no documents become its rows\n", quoted(t.Name))
	fmt.Fprintf(b, "        read: { index: %s, type: %s }\n", undecided("the index of the documents that become rows of "+t.Name), undecided("their type"))
	fmt.Fprintf(b, "        key: [ %s ]\n", undecided("the path of what names such a document, once in the table; _id is its own id"))
	number := ""
	for _, name := range t.Order {
		if f := t.Columns[name]; number == "" && manifest.IntegerBits[f.Type] > 0 && f.Unique && f.Default {
			number = name
			fmt.Fprintf(b, "        number: %s\n", quoted(name))
		}
	}
	var always, columns strings.Builder
	for _, name := range t.Order {
		ref, refers := t.Refers[name]
		switch other := d.Tables[ref.Table]; {
		case name == number:
		case refers && (other == nil || other.Filled != ""):
			fmt.Fprintf(&always, "          %s: %s\n", quoted(name), undecided("the row of "+ref.Table+" that all of them refer to"))
		default:
			fmt.Fprintf(&columns, "          %s: { %s }%s\n", quoted(name), storeColumn(name, t.Columns[name], ref), storeNote(t.Columns[name], refers))
		}
	}
	if always.Len() > 0 {
		b.WriteString("        always:\n" + always.String())
	}
	b.WriteString("        columns:\n" + columns.String())
}

// storeColumn is what a column holds, as far as its type tells.
func storeColumn(name string, f manifest.ColumnFact, ref ddl.Reference) string {
	var parts []string
	add := func(format string, a ...any) { parts = append(parts, fmt.Sprintf(format, a...)) }
	if ref.Table != "" {
		add("row: %s", quoted(ref.Table))
		add("by: [ %s ]", undecided("the path of what names its row of "+ref.Table))
		if f.NotNull {
			add("required: true, lacking: skip")
		}
		return strings.Join(parts, ", ")
	}
	add("from: %s", quoted(pathOf(name)))
	switch {
	case len(f.Labels) > 0:
		var labels []string
		for _, l := range f.Labels {
			labels = append(labels, quoted(l))
		}
		add("only: [ %s ]", strings.Join(labels, ", "))
	case f.Type == "bytea":
		add("as: %s", undecided("pickle or json, as the new release reads "+name))
	default:
		if as := kindOf(f.Type); as == "" {
			add("as: %s", undecided("no kind of value goes into "+f.Type+"; leave the column out, or give it another type"))
		} else if as != manifest.AsText {
			add("as: %s", as)
		}
	}
	if f.NotNull {
		add("required: true")
	}
	return strings.Join(parts, ", ")
}

// storeNote is a comment on what was assumed.
func storeNote(f manifest.ColumnFact, refers bool) string {
	switch {
	case refers && f.NotNull:
		return " # a document without such a row is left out, and counted"
	case f.Type == "timestamp":
		return " # wall takes the time as it is written; time brings it to UTC"
	}
	return ""
}

// kindOf is the kind of value that goes into a type of columns; "" for none.
func kindOf(typ string) string {
	switch {
	case manifest.IntegerBits[typ] > 0:
		return manifest.AsInteger
	case slices.Contains([]string{"text", "varchar", "bpchar"}, typ):
		return manifest.AsText
	}
	return map[string]string{"bool": manifest.AsBoolean, "timestamp": manifest.AsWall, "timestamptz": manifest.AsTime, "json": manifest.AsJSONText}[typ]
}

// pathOf is the path of a key of that name.
func pathOf(name string) string {
	if strings.ContainsAny(name, `."\`) {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	}
	return name
}
