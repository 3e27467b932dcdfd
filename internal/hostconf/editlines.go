package hostconf

import (
	"fmt"
	"slices"
	"strings"

	"onerpm/internal/hostconf/envsyntax"
	"onerpm/internal/hostconf/inisyntax"
	"onerpm/internal/hostconf/propertysyntax"
	"onerpm/internal/hostconf/syntax"
)

// writer writes for a format in which each key has a line.
type writer struct {
	value   func(w *syntax.Node, old *syntax.Entry) (string, error)   // in the place of an entry's value
	line    func(w *syntax.Entry, near *syntax.Entry) (string, error) // a new line, in the way of one near it; nil for none
	header  func(name string) (string, error)                         // the line that a section begins with; nil in a format that has none
	comment string                                                    // what a comment begins with, any of these
	shaped  bool                                                      // a line break in what is written is the format's, and not a part of the value
}

var writers = map[string]writer{
	"env":        {value: envsyntax.WriteOver, line: envsyntax.WriteLine, comment: "#;"},
	"ini":        {value: inisyntax.WriteOver, line: inisyntax.WriteLine, header: inisyntax.WriteHeader, comment: "#;", shaped: true},
	"properties": {value: propertysyntax.WriteOver, line: propertysyntax.WriteLine, comment: "#!", shaped: true},
}

// lines is the form of formats in which each key has a line.
type lines struct {
	*editor
	writer
}

func (lines) several() bool { return true }

func (e lines) replace(have *syntax.Node, h *syntax.Entry, w *syntax.Node) {
	if h.Value.Kind == syntax.Mapping || w.Kind == syntax.Mapping { // a section becomes a key, or a key a section
		e.remove(have, slices.Index(have.Keys, h))
		return
	}
	text, err := e.value(w, h)
	e.fail(err)
	e.put(h.Value.Start, h.Value.End, e.shape(text, e.indentOf(h)))
}

// shape gives the lines of what is written the file's line breaks, and an indent to all but the first.
func (e lines) shape(text, indent string) string {
	if !e.shaped {
		return text
	}
	all := strings.Split(text, "\n")
	for i, line := range all[1:] {
		if line != "" {
			all[i+1] = indent + line
		}
	}
	return strings.Join(all, e.eol())
}

// indentOf is what stands before a key on its line.
func (e *editor) indentOf(h *syntax.Entry) string {
	line := e.text[h.Last()[0]:h.Last()[1]]
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))]
}

func (e lines) remove(have *syntax.Node, i int) {
	h := have.Keys[i]
	for _, l := range e.joined(h, e.comment) {
		e.put(l[0], l[1], "")
	}
}

// isKey reports whether a value is a key's and not a section's.
func isKey(n *syntax.Node) bool { return n.Kind != syntax.Mapping }

func isSection(n *syntax.Node) bool { return n.Kind == syntax.Mapping }

func (e lines) insert(have, want *syntax.Node, i int) {
	w := want.Keys[i]
	switch {
	case w.Value.Kind == syntax.Mapping && have != e.Root:
		e.fail(fmt.Errorf("%q cannot be a section within a section", w.Key))
		return
	case w.Value.Kind == syntax.Mapping && e.header != nil:
		e.insertSection(have, want, i)
		return
	}
	// What want has not was taken away in a round before: where no key is near, there is none.
	before, behind := neighbours(have, want, i, isKey)
	pos, near := len(e.text), (*syntax.Entry)(nil)
	switch {
	case before >= 0:
		near = have.Keys[before]
		pos = near.Last()[1]
	case behind >= 0:
		near = have.Keys[behind]
		pos = near.Last()[0]
	case have != e.Root:
		pos = have.End // right below the section's own line
	case len(have.Keys) > 0: // before the first section
		pos = e.above(have.Keys[0].Lines[0][0], e.Root.Start, e.comment)
	}
	line, err := e.line(w, near)
	e.fail(err)
	indent := ""
	if near != nil && e.shaped {
		indent = e.indentOf(near)
	}
	e.putLine(pos, indent+e.shape(line, indent))
}

// insertSection puts a section in behind the one that stands before it in want, or before the one that stands behind it, or at the end.
func (e lines) insertSection(have, want *syntax.Node, i int) {
	w := want.Keys[i]
	head, err := e.header(w.Key)
	e.fail(err)
	all := []string{head}
	for _, k := range w.Value.Keys {
		line, err := e.line(k, nil)
		e.fail(err)
		all = append(all, e.shape(line, ""))
	}
	before, behind := neighbours(have, want, i, isSection)
	var near *syntax.Entry
	switch {
	case before >= 0:
		near = have.Keys[before]
	case behind >= 0:
		near = have.Keys[behind]
	}
	e.putBlock(strings.Join(all, e.eol()), near, before >= 0, e.comment)
}
