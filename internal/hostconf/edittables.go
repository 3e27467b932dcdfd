package hostconf

import (
	"slices"
	"strings"

	"onerpm/internal/hostconf/syntax"
	"onerpm/internal/hostconf/tomlsyntax"
)

// tables is the form of TOML: lines, below headers, and values in braces.
type tables struct{ *editor }

const hash = "#" // begins a comment

func (tables) several() bool { return false }

func (e tables) replace(have *syntax.Node, h *syntax.Entry, w *syntax.Node) {
	was := h.Value
	switch {
	case was.Kind == syntax.List && was.Style == syntax.Block && tomlsyntax.IsTables(w):
		e.replaceTables(h, w)
	case len(h.Lines) > 0 && (tomlsyntax.IsBlock(was) || was.Style == syntax.Dotted || w.Kind == syntax.Mapping && was.Kind != syntax.Mapping):
		e.remove(have, slices.Index(have.Keys, h)) // what it becomes is put in by the next round
	default:
		text, err := tomlsyntax.WriteValue(w, was)
		e.fail(err)
		e.put(was.Start, was.End, strings.ReplaceAll(text, "\n", e.eol()))
	}
}

// replaceTables writes an array of tables anew, in the place of its first one.
func (e tables) replaceTables(h *syntax.Entry, w *syntax.Node) {
	block, err := tomlsyntax.WriteBlock(h.Value.Section, w)
	e.fail(err)
	all := e.joined(h, hash)
	for i, l := range all {
		text, tail := "", ""
		if i == 0 {
			text = strings.Join(block, "\n") + "\n"
			if gone := e.text[l[0]:l[1]]; strings.HasSuffix(gone, "\n\n") || strings.HasSuffix(gone, "\n\r\n") {
				tail = "\n" // the empty line before the next table
			}
		}
		e.put(l[0], l[1], strings.ReplaceAll(text+tail, "\n", e.eol()))
	}
}

func (e tables) remove(have *syntax.Node, i int) {
	for _, l := range e.joined(have.Keys[i], hash) {
		e.put(l[0], l[1], "")
	}
}

// onLine reports whether a value's key has a line in the body of its table.
func onLine(n *syntax.Node) bool { return !tomlsyntax.IsBlock(n) }

func (e tables) insert(have, want *syntax.Node, i int) {
	w := want.Keys[i]
	if tomlsyntax.IsBlock(w.Value) && have.Style != syntax.Dotted {
		e.insertBlock(have, want, i)
		return
	}
	// What want has not was taken away in a round before: where no key is near, the table has none on a line.
	before, behind := neighbours(have, want, i, onLine)
	switch {
	case before >= 0:
		near := have.Keys[before]
		e.insertLines(have, w, near, near.Lines[0][1])
	case behind >= 0:
		near := have.Keys[behind]
		e.insertLines(have, w, near, near.Lines[0][0])
	case have == e.Root && len(have.Keys) > 0: // before the first table
		e.insertLines(have, w, nil, e.above(e.first(have).Lines[0][0], e.Root.Start, hash))
	case have == e.Root: // a file of comments
		e.insertLines(have, w, nil, len(e.text))
	case have.Body == 0: // a table that has no header itself, but tables below it have
		e.insertHeader(have, w)
	default:
		e.insertLines(have, w, nil, have.Body)
	}
}

// first is the key of a mapping that stands first in the file.
func (e tables) first(have *syntax.Node) *syntax.Entry {
	first := have.Keys[0]
	for _, k := range have.Keys {
		if k.Lines[0][0] < first.Lines[0][0] {
			first = k
		}
	}
	return first
}

// insertLines puts a key in at a line's start, like the one near it, nil for none.
func (e tables) insertLines(have *syntax.Node, w, near *syntax.Entry, pos int) {
	before, sep, indent := "", " = ", ""
	if have.Style == syntax.Dotted {
		before = have.Section
	}
	if near != nil {
		indent = e.indentOf(near)
		if near.Value.Sep != "" {
			sep = near.Value.Sep
		}
	}
	lines, err := tomlsyntax.WriteLines(before, inLine(w, have), sep)
	e.fail(err)
	for i, l := range lines {
		lines[i] = indent + strings.ReplaceAll(l, "\n", e.eol())
	}
	e.putLine(pos, strings.Join(lines, e.eol()))
}

// inLine is an entry as it can stand below a mapping that is written with dots: tables are written with dots too.
func inLine(w *syntax.Entry, have *syntax.Node) *syntax.Entry {
	if have.Style != syntax.Dotted || w.Value.Kind != syntax.Mapping || w.Value.Style == syntax.Flow {
		return w
	}
	v := *w.Value
	v.Style, v.Keys = syntax.Dotted, slices.Clone(v.Keys)
	for i, k := range v.Keys {
		v.Keys[i] = inLine(k, have)
	}
	return &syntax.Entry{Key: w.Key, Value: &v}
}

// insertHeader puts a key into a table that only tables below it make: a header for it stands before theirs.
func (e tables) insertHeader(have *syntax.Node, w *syntax.Entry) {
	lines, err := tomlsyntax.WriteLines("", w, " = ")
	e.fail(err)
	block := strings.Join(append([]string{"[" + have.Section + "]"}, lines...), "\n")
	e.putBlock(strings.ReplaceAll(block, "\n", e.eol()), e.first(have), false, hash)
}

// insertBlock puts a table in behind or before one that stands near it, or else behind the body of the one that it is in.
func (e tables) insertBlock(have, want *syntax.Node, i int) {
	w := want.Keys[i]
	path := tomlsyntax.WriteKey(w.Key)
	if have != e.Root {
		path = have.Section + "." + path
	}
	lines, err := tomlsyntax.WriteBlock(path, w.Value)
	e.fail(err)
	block := strings.ReplaceAll(strings.Join(lines, "\n"), "\n", e.eol())
	before, behind := neighbours(have, want, i, tomlsyntax.IsBlock)
	switch {
	case before >= 0:
		e.putBlock(block, have.Keys[before], true, hash)
	case behind >= 0:
		e.putBlock(block, have.Keys[behind], false, hash)
	case have == e.Root:
		e.putBlock(block, nil, true, hash)
	case have.Body == 0:
		e.putBlock(block, e.first(have), false, hash)
	default:
		e.putBlock(block, &syntax.Entry{Value: have, Lines: [][2]int{{have.Start, have.Body}}}, true, hash)
	}
}
