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
	for range 10 + 2*(size(d.Root)+size(want)) {
		if syntax.Equal(d.Root, want) {
			return d.src, nil
		}
		e := &editor{Document: d, text: string(d.src)}
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
	text    string
	splices []splice
	err     error
}

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
// lack, takes away or puts in one (env: all) of them.
func (e *editor) round(want *syntax.Node) error {
	if e.Root.Kind != syntax.Mapping || want.Kind != syntax.Mapping || e.Format != "env" && (len(want.Keys) == 0 || len(e.Root.Keys) == 0) {
		return e.replaceRoot(want)
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
		case h.Value.Kind == syntax.Mapping && w.Kind == syntax.Mapping && len(w.Keys) > 0 && len(h.Value.Keys) > 0:
			e.replaceValues(h.Value, w)
		default:
			e.replaceValue(have, h, w)
		}
	}
}

// structure takes away and puts in keys; it stops behind the first one.
func (e *editor) structure(have, want *syntax.Node) {
	for i, h := range have.Keys {
		if want.Get(h.Key) == nil {
			if e.removeKey(have, i); e.Format != "env" {
				return
			}
		}
	}
	for i, w := range want.Keys {
		if have.Get(w.Key) == nil {
			if e.insertKey(have, want, i); e.Format != "env" || e.err != nil {
				return
			}
		}
	}
	for _, h := range have.Keys {
		w := want.Get(h.Key)
		if w != nil && h.Value.Kind == syntax.Mapping && w.Kind == syntax.Mapping {
			if e.structure(h.Value, w); e.err != nil || len(e.splices) > 0 {
				return
			}
		}
	}
}

// neighbours returns the position in have of the nearest key that stands before the
// i-th of want, and of the nearest behind it; -1 for none.
func neighbours(have, want *syntax.Node, i int) (before, behind int) {
	pos := make(map[string]int, len(have.Keys))
	for k, e := range have.Keys {
		pos[e.Key] = k
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
func (e *editor) eol() string {
	if i := strings.IndexByte(e.text, '\n'); i > 0 && e.text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
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
