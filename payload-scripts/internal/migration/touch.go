package migration

import (
	"fmt"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"onerpm/internal/sqltext"
)

// Effect is what a statement does to a table as a whole.
type Effect string

// Effects, by what they need room for.
const (
	Rewrite   Effect = "rewrite"    // a second copy of the table and of its indexes
	Update    Effect = "update"     // a second version of rows, and of their entries in indexes
	Copy      Effect = "copy"       // rows of it go into another table
	Index     Effect = "index"      // one more index
	OldServer Effect = "old server" // Rewrite before PostgreSQL 11
)

// Touch is one effect on one table, as far as the text of a migration tells.
type Touch struct {
	Schema  string // "" when it is found by the search path
	Table   string
	Effect  Effect
	Columns []string // of an Index; nil when an expression is indexed
}

// Touches lists what the migrations after a number do to tables, on the way to the new
// release.
func Touches(dir string, after int64) ([]Touch, error) {
	var list []Touch
	err := eachText(dir, func(m migration, text string) {
		if m.number <= after {
			return
		}
		for _, statement := range sqltext.Statements(upPart(text)) {
			list = append(list, touches(sqltext.Tokens(statement))...)
		}
	})
	return list, err
}

// Names lists all names that the migrations of a folder use, each once, for either
// direction: those of tables are among them.
func Names(dir string) ([]string, error) {
	seen := map[string]bool{}
	err := eachText(dir, func(_ migration, text string) {
		for _, token := range sqltext.Tokens(text) {
			if utf8.ValidString(token) && token != "\x00" { // PostgreSQL knows no others
				seen[token] = true
			}
		}
	})
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, err
}

func eachText(dir string, work func(migration, string)) error {
	list, err := readFolder(dir)
	if err != nil {
		return err
	}
	for _, m := range list {
		text, err := readText(filepath.Join(dir, m.file))
		if err != nil {
			return fmt.Errorf("read migration %s: %w", m.file, err)
		}
		work(m, text)
	}
	return nil
}

// words walks over the tokens of a statement.
type words []string

// skip leaves out the next tokens as far as they are these, in order.
func (w *words) skip(optional ...string) {
	for _, o := range optional {
		if len(*w) > 0 && (*w)[0] == o {
			*w = (*w)[1:]
		}
	}
}

// is leaves out the next tokens when they are exactly these.
func (w *words) is(want ...string) bool {
	if len(*w) < len(want) || !slices.Equal((*w)[:len(want)], want) {
		return false
	}
	*w = (*w)[len(want):]
	return true
}

// table reads a name, with its schema or without.
func (w *words) table(e Effect) Touch {
	t := Touch{Effect: e}
	if len(*w) == 0 {
		return t
	}
	t.Table, *w = (*w)[0], (*w)[1:]
	if len(*w) >= 2 && (*w)[0] == "." {
		t.Schema, t.Table, *w = t.Table, (*w)[1], (*w)[2:]
	}
	return t
}

// touches tells what one statement does.
func touches(tokens []string) []Touch {
	w := words(tokens)
	switch {
	case w.is("alter", "table"):
		w.skip("if", "exists", "only")
		return altered(w.table(Rewrite), w)
	case w.is("create", "unique", "index"), w.is("create", "index"):
		at := slices.Index(w, "on")
		if at < 0 {
			return nil
		}
		w = w[at+1:]
		w.skip("only")
		t := w.table(Index)
		t.Columns = columns(w)
		return []Touch{t}
	case w.is("update"):
		w.skip("only")
		return []Touch{w.table(Update)}
	case w.is("cluster"), w.is("vacuum", "full"):
		if t := w.table(Rewrite); t.Table != "" {
			return []Touch{t}
		}
	case w.is("do"), w.is("with"):
		return inner(w)
	case w.is("insert"), w.is("create", "table"):
		return copied(w)
	}
	return nil
}

// inner finds updates in the middle of a statement.
func inner(w words) []Touch {
	var list []Touch
	for i, token := range w {
		if rest := w[i:]; token == "update" && (i == 0 || w[i-1] != "for") {
			rest.is("update")
			rest.skip("only")
			if t := rest.table(Update); slices.Contains(rest[:min(3, len(rest))], "set") {
				list = append(list, t)
			}
		}
	}
	return list
}

// copied finds the tables that a statement reads rows from.
func copied(w words) []Touch {
	var list []Touch
	for i, token := range w {
		if token != "from" && token != "join" {
			continue
		}
		rest := w[i+1:]
		rest.skip("only")
		if len(rest) > 0 && rest[0] != "(" {
			list = append(list, rest.table(Copy))
		}
	}
	return list
}

// altered tells what the actions of an ALTER TABLE do.
func altered(t Touch, w words) []Touch {
	var list []Touch
	add := func(e Effect, columns []string) {
		one := t
		one.Effect, one.Columns = e, columns
		list = append(list, one)
	}
	for _, action := range actions(w) {
		all := func(want ...string) bool {
			for _, word := range want {
				if !slices.Contains(action, word) {
					return false
				}
			}
			return true
		}
		any := func(want ...string) bool {
			return slices.ContainsFunc(want, func(word string) bool { return slices.Contains(action, word) })
		}
		switch first := action[0]; {
		case first == "alter" && all("type"), first == "set" && any("tablespace", "logged", "unlogged"):
			add(Rewrite, nil)
		case first == "add" && any("primary", "unique", "exclude") && !all("using", "index"):
			add(Index, columns(action))
			if all("default") {
				add(OldServer, nil)
			}
		case first == "add" && any("serial", "bigserial", "smallserial", "generated"):
			add(Rewrite, nil)
		case first == "add" && all("default"):
			after := action[slices.Index(action, "default"):]
			if slices.Contains(after, "(") { // a function, which may answer differently for each row
				add(Rewrite, nil)
			} else {
				add(OldServer, nil)
			}
		}
	}
	return list
}

// actions takes the actions of an ALTER TABLE apart, at the commas outside parentheses.
func actions(w words) [][]string {
	var list [][]string
	depth, start := 0, 0
	for i, token := range w {
		switch {
		case token == "(":
			depth++
		case token == ")":
			depth--
		case token == "," && depth == 0:
			list, start = append(list, w[start:i]), i+1
		}
	}
	list = append(list, w[start:])
	return slices.DeleteFunc(list, func(action []string) bool { return len(action) == 0 })
}

// columns are the names in the first parentheses, nil when there is an expression among them.
func columns(w words) []string {
	at := slices.Index(w, "(")
	if at < 0 {
		return nil
	}
	var names []string
	name := true // one may come
	for _, token := range w[at+1:] {
		switch {
		case token == ")":
			return names
		case token == "(":
			return nil
		case token == ",":
			name = true
		case name:
			names, name = append(names, token), false
		}
	}
	return names
}
