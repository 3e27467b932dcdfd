package hostconf

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"onerpm/internal/hostconf/syntax"
)

// splice replaces src[start:end] by text.
type splice struct {
	start, end int
	text       string
}

// Edit changes as little as possible of the document's text until it holds want,
// and proves it by reading the result.
func (d *Document) Edit(want *syntax.Node) ([]byte, error) {
	ends := lineBreak(string(d.src))
	for range 10 + 2*(size(d.Root)+size(want)) {
		if syntax.Equal(d.Root, want) {
			return d.src, nil
		}
		e := newEditor(d, ends)
		if err := e.round(want); err != nil {
			return nil, err
		}
		out, err := e.apply()
		if err != nil {
			return nil, err
		}
		before := d.Root
		if d, err = Parse(d.Format, out); err != nil {
			return nil, fmt.Errorf("the merged file would not be readable: %w", err)
		}
		if syntax.Equal(before, d.Root) {
			break
		}
	}
	return nil, errors.New("the merged file would not hold what was intended: the form of the file is not supported")
}

// editor collects what one round changes.
type editor struct {
	*Document
	form    form
	text    string
	ends    string // how lines end
	splices []splice
	err     error
}

// form is how the keys of a format are changed.
type form interface {
	replace(have *syntax.Node, h *syntax.Entry, w *syntax.Node) // the value of one
	remove(have *syntax.Node, i int)
	insert(have, want *syntax.Node, i int) // the i-th of want
	several() bool                         // whether more than one may be put in or taken away in a round
}

func newEditor(d *Document, ends string) *editor {
	e := &editor{Document: d, text: string(d.src), ends: ends}
	switch write, lined := writers[d.Format]; {
	case lined:
		e.form = lines{e, write}
	case d.Format == "toml":
		e.form = tables{e}
	default:
		e.form = braces{e}
	}
	return e
}

// tree reports whether a file of the format may be one value of any kind. In the other formats it is always a mapping, and a key has lines of its own.
func tree(format string) bool { return format == "yaml" || format == "json" }

func (e *editor) apply() ([]byte, error) {
	slices.SortStableFunc(e.splices, func(a, b splice) int {
		return cmp.Or(a.start-b.start, a.end-b.end)
	})
	var out strings.Builder
	pos := 0
	for _, s := range e.splices {
		if s.start < pos || s.end < s.start || s.end > len(e.text) {
			return nil, errors.New("edits overlap")
		}
		out.WriteString(e.text[pos:s.start])
		out.WriteString(s.text)
		pos = s.end
	}
	out.WriteString(e.text[pos:])
	if out.Len() > 2*MaxSize {
		return nil, fmt.Errorf("the merged file would take more than %d bytes", MaxSize)
	}
	return []byte(out.String()), nil
}

func (e *editor) put(start, end int, text string) {
	e.splices = append(e.splices, splice{start, end, text})
}

// round replaces all values that differ, or, when only keys are too many or
// lack, takes away or puts in one (or all: form.several) of them.
func (e *editor) round(want *syntax.Node) error {
	switch {
	case tree(e.Format):
		if e.Root.Kind != syntax.Mapping || want.Kind != syntax.Mapping || len(want.Keys) == 0 || len(e.Root.Keys) == 0 {
			return e.replaceRoot(want)
		}
	case want.Kind != syntax.Mapping:
		return fmt.Errorf("a file of the format %s is a mapping of keys, and nothing else", e.Format)
	}
	if e.replaceValues(e.Root, want); e.err != nil || len(e.splices) > 0 {
		return e.err
	}
	e.structure(e.Root, want)
	if e.err == nil && len(e.splices) == 0 {
		return errors.New("nothing to edit was found")
	}
	return e.err
}

// replaceValues replaces values that are in both trees and differ.
func (e *editor) replaceValues(have, want *syntax.Node) {
	for _, h := range have.Keys {
		w := want.Get(h.Key)
		switch {
		case w == nil || syntax.Equal(h.Value, w):
		case h.Value.Kind == syntax.Mapping && w.Kind == syntax.Mapping && e.within(h.Value, w):
			e.replaceValues(h.Value, w)
		default:
			e.form.replace(have, h, w)
		}
	}
}

// within reports whether one mapping becomes another by changes below it, and not as a whole.
func (e *editor) within(have, want *syntax.Node) bool {
	if tree(e.Format) {
		return len(have.Keys) > 0 && len(want.Keys) > 0
	}
	return have.Style != syntax.Flow || sameKeys(have, want)
}

// sameKeys reports whether two mappings have the same keys; those below them that are written with dots too.
func sameKeys(a, b *syntax.Node) bool {
	if len(a.Keys) != len(b.Keys) {
		return false
	}
	for _, k := range a.Keys {
		o := b.Get(k.Key)
		if o == nil || k.Value.Style == syntax.Dotted && (o.Kind != syntax.Mapping || !sameKeys(k.Value, o)) {
			return false
		}
	}
	return true
}

// structure takes away and puts in keys; it stops behind the first one, unless the form takes several.
func (e *editor) structure(have, want *syntax.Node) {
	for i, h := range have.Keys {
		if want.Get(h.Key) == nil {
			if e.form.remove(have, i); !e.form.several() {
				return
			}
		}
	}
	if len(e.splices) > 0 {
		return
	}
	for i, w := range want.Keys {
		if have.Get(w.Key) == nil {
			if e.form.insert(have, want, i); !e.form.several() || e.err != nil {
				return
			}
		}
	}
	for _, h := range have.Keys {
		w := want.Get(h.Key)
		if w != nil && h.Value.Kind == syntax.Mapping && w.Kind == syntax.Mapping {
			if e.structure(h.Value, w); e.err != nil || !e.form.several() && len(e.splices) > 0 {
				return
			}
		}
	}
}

// neighbours returns the position in have of the nearest key that stands before the
// i-th of want, and of the nearest behind it, among those that count; -1 for none.
func neighbours(have, want *syntax.Node, i int, counts func(*syntax.Node) bool) (before, behind int) {
	pos := make(map[string]int, len(have.Keys))
	for k, e := range have.Keys {
		if counts(e.Value) {
			pos[e.Key] = k
		}
	}
	before, behind = -1, -1
	for k := i - 1; k >= 0 && before < 0; k-- {
		if p, ok := pos[want.Keys[k].Key]; ok {
			before = p
		}
	}
	for k := i + 1; k < len(want.Keys) && behind < 0; k++ {
		if p, ok := pos[want.Keys[k].Key]; ok {
			behind = p
		}
	}
	return before, behind
}

func (e *editor) replaceRoot(want *syntax.Node) error {
	text, err := e.render(want, context{unit: e.unit(), wide: true, block: e.Format == "yaml"})
	if err != nil {
		return err
	}
	if e.Root.Kind == syntax.Null && e.Root.Start == e.Root.End { // nothing but comments
		e.put(len(e.text), len(e.text), e.freshLine()+strings.TrimPrefix(text, "\n")+e.eol())
		return nil
	}
	e.put(e.Root.Start, e.Root.End, strings.TrimPrefix(text, "\n"))
	return nil
}

// ended gives a text that goes to the end of the file the line break that a
// literal string in it needs to have its own.
func (e *editor) ended(text string, end int) string {
	if end == len(e.text) && strings.Contains(text, "|"+e.eol()) && !strings.HasSuffix(text, "\n") {
		return text + e.eol()
	}
	return text
}

// freshLine returns the line break that the end of the text is missing.
func (e *editor) freshLine() string {
	if e.text == "" || strings.HasSuffix(e.text, "\n") {
		return ""
	}
	return e.eol()
}

// eol returns how lines end in this file.
func (e *editor) eol() string { return e.ends }

func lineBreak(text string) string {
	if i := strings.IndexByte(text, '\n'); i > 0 && text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// putLine puts a line in that ends as those of the file do.
func (e *editor) putLine(pos int, line string) {
	if pos == len(e.text) && e.freshLine() != "" {
		e.put(pos, pos, e.eol()+line)
		return
	}
	e.put(pos, pos, line+e.eol())
}

// lineStart returns where the line of pos starts, and whether only blanks stand before pos.
func (e *editor) lineStart(pos int) (start int, first bool) {
	start = max(strings.LastIndexByte(e.text[:pos], '\n')+1, min(syntax.BOM(e.text), pos))
	return start, strings.TrimLeft(e.text[start:pos], " \t") == ""
}

// size counts the values in n.
func size(n *syntax.Node) int {
	c := 1
	for _, v := range n.Items {
		c += size(v)
	}
	for _, e := range n.Keys {
		c += size(e.Value)
	}
	return c
}
