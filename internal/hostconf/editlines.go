package hostconf

import (
	"onerpm/internal/hostconf/envsyntax"
	"onerpm/internal/hostconf/syntax"
)

// writer writes for a format in which each key has a line. Line breaks that it makes are plain ones.
type writer struct {
	value func(w *syntax.Node, old *syntax.Entry) (string, error)  // in the place of an entry's value
	line  func(w *syntax.Entry, near *syntax.Entry) (string, error) // a new line, in the way of one near it; nil for none
}

var writers = map[string]writer{
	"env": {envsyntax.WriteOver, envsyntax.WriteLine},
}

// lines is the form of formats in which each key has a line.
type lines struct {
	*editor
	writer
}

func (lines) several() bool { return true }

func (e lines) replace(_ *syntax.Node, h *syntax.Entry, w *syntax.Node) {
	text, err := e.value(w, h)
	e.fail(err)
	e.put(h.Value.Start, h.Value.End, text)
}

func (e lines) remove(have *syntax.Node, i int) {
	for _, l := range have.Keys[i].Lines {
		e.put(l[0], l[1], "")
	}
}

func (e lines) insert(have, want *syntax.Node, i int) {
	before, behind := neighbours(have, want, i, anyKey)
	pos, near := len(e.text), (*syntax.Entry)(nil)
	switch {
	case before >= 0:
		near = have.Keys[before]
		pos = near.Last()[1]
	case behind >= 0:
		near = have.Keys[behind]
		pos = near.Last()[0]
	}
	line, err := e.line(want.Keys[i], near)
	e.fail(err)
	e.putLine(pos, line)
}

// putLine puts a line in that ends as those of the file do.
func (e *editor) putLine(pos int, line string) {
	if pos == len(e.text) && e.freshLine() != "" {
		e.put(pos, pos, e.eol()+line)
		return
	}
	e.put(pos, pos, line+e.eol())
}
