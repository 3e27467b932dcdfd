package hostconf

import (
	"strings"

	"onerpm/internal/hostconf/syntax"
)

// braces is the form of YAML and JSON.
type braces struct{ *editor }

func (braces) several() bool { return false }

func (e braces) replace(have *syntax.Node, h *syntax.Entry, w *syntax.Node) {
	c := e.contextOf(have, h)
	c.old = h.Value
	text, err := e.render(w, c)
	e.fail(err)
	switch {
	case strings.HasPrefix(text, "\n"): // a block below its key
		e.put(h.Colon, h.Value.End, e.ended(strings.ReplaceAll(text, "\n", e.eol()), h.Value.End))
	case h.Value.Start == h.Value.End || h.Value.Style == syntax.Block: // it was nothing, or below its key
		end := max(h.Value.End, h.Colon)
		e.put(h.Colon, end, e.ended(" "+strings.ReplaceAll(text, "\n", e.eol()), end))
	default:
		e.put(h.Value.Start, h.Value.End, strings.ReplaceAll(text, "\n", e.eol()))
	}
}

func (e *editor) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e braces) remove(have *syntax.Node, i int) {
	h := have.Keys[i]
	if have.Style == syntax.Flow {
		e.removeFlow(have, i)
		return
	}
	start, first := e.lineStart(h.Start)
	if !first {
		start = h.Start
	}
	e.put(start, syntax.NextLine(e.text, e.contentEnd(h)), "")
}

// contentEnd returns the end of the last line of a key in block style, a comment there included.
func (e *editor) contentEnd(h *syntax.Entry) int {
	return syntax.LineEnd(e.text, max(h.Value.End, h.Colon))
}

func anyKey(*syntax.Node) bool { return true }

func (e braces) insert(have, want *syntax.Node, i int) {
	before, behind := neighbours(have, want, i, anyKey)
	if have.Style == syntax.Flow {
		e.insertFlow(have, want.Keys[i], before, behind)
		return
	}
	e.insertBlock(have, want.Keys[i], before, behind)
}

func (e *editor) insertBlock(have *syntax.Node, w *syntax.Entry, before, behind int) {
	n := have.Keys[max(before, 0)]
	if before < 0 && behind >= 0 {
		n = have.Keys[behind]
	}
	start, _ := e.lineStart(n.Start)
	c := e.contextOf(have, n)
	c.indent = strings.Map(blank, e.text[start:n.Start])
	line := e.keyValue(w, c)
	line = strings.ReplaceAll(line, "\n", e.eol())
	if before < 0 && behind >= 0 {
		e.put(n.Start, n.Start, line+e.eol()+c.indent)
		return
	}
	end := e.contentEnd(n)
	e.put(end, end, e.ended(e.eol()+c.indent+line, end))
}

// blank turns what stands before a key ("- ") into blanks.
func blank(r rune) rune {
	if r == '\t' {
		return r
	}
	return ' '
}

// keyValue writes a key with its value as they stand in c.
func (e *editor) keyValue(w *syntax.Entry, c context) string {
	text, err := e.render(w.Value, c)
	e.fail(err)
	key := e.renderKey(w.Key, c)
	switch {
	case strings.HasPrefix(text, "\n"):
		return key + ":" + text
	case text == "":
		return key + ":"
	case c.tight:
		return key + ":" + text
	}
	return key + ": " + text
}

// removeFlow takes a key out of {a: 1, b: 2}, with the comma that is too many.
func (e *editor) removeFlow(have *syntax.Node, i int) {
	h := have.Keys[i]
	lineAt, first := e.lineStart(h.Start)
	if comma := e.skip(h.Value.End); comma < len(e.text) && e.text[comma] == ',' {
		end := e.skipBlanks(comma + 1)
		rest := syntax.LineEnd(e.text, end)
		if end < len(e.text) && e.text[end] == '#' && e.text[end-1] != ',' {
			end = rest
		}
		switch {
		case end == rest && first && lineAt > have.Start:
			e.put(lineAt, syntax.NextLine(e.text, rest), "")
		case end == rest:
			e.put(h.Start, comma+1, "")
		default:
			e.put(h.Start, end, "")
		}
		return
	}
	end := h.Value.End
	rest := e.skipBlanks(end)
	alone := first && lineAt > have.Start && (rest == syntax.LineEnd(e.text, end) || rest < len(e.text) && e.text[rest] == '#')
	if i > 0 {
		comma := e.skip(have.Keys[i-1].Value.End)
		if comma+1 == syntax.LineEnd(e.text, comma) && alone && !strings.Contains(e.text[comma:lineAt], "#") {
			e.put(comma, syntax.LineEnd(e.text, end), "") // the line break before the brace stays
			return
		}
		if !first {
			e.put(comma, end, "")
			return
		}
		e.put(comma, comma+1, "")
	}
	if alone {
		e.put(lineAt, syntax.NextLine(e.text, end), "")
		return
	}
	e.put(h.Start, end, "")
}

// insertFlow puts a key into {a: 1, b: 2} behind or before one of its keys.
func (e *editor) insertFlow(have *syntax.Node, w *syntax.Entry, before, behind int) {
	n := have.Keys[max(before, 0)]
	if before < 0 && behind >= 0 {
		n = have.Keys[behind]
	}
	c := e.contextOf(have, n)
	lineAt, first := e.lineStart(n.Start)
	first = first && lineAt > have.Start
	if first {
		c.indent, c.wide = e.text[lineAt:n.Start], true
	}
	line := strings.ReplaceAll(e.keyValue(w, c), "\n", e.eol())
	sep := ", "
	if c.tight {
		sep = ","
	}
	if first {
		sep = "," + e.eol() + c.indent
	}
	if before < 0 && behind >= 0 {
		e.put(n.Start, n.Start, line+sep)
		return
	}
	end := n.Value.End
	comma := e.skip(end)
	hasComma := comma < len(e.text) && e.text[comma] == ','
	from := end
	if hasComma {
		from = comma + 1
	}
	rest := e.skipBlanks(from)
	comment := first && rest < len(e.text) && e.text[rest] == '#' && !strings.Contains(e.text[end:from], "\n")
	switch {
	case comment && hasComma: // the comment stays with the key it is about
		at := syntax.LineEnd(e.text, rest)
		e.put(at, at, e.eol()+c.indent+line+",")
	case comment:
		at := syntax.LineEnd(e.text, rest)
		e.put(end, end, ",")
		e.put(at, at, e.eol()+c.indent+line)
	default:
		e.put(end, end, sep+line)
	}
}

// skip returns the first position from pos that is no blank, line break or YAML comment.
func (e *editor) skip(pos int) int {
	for pos < len(e.text) {
		switch ch := e.text[pos]; {
		case strings.IndexByte(" \t\r\n", ch) >= 0:
			pos++
		case ch == '#' && e.Format == "yaml":
			pos = syntax.LineEnd(e.text, pos)
		default:
			return pos
		}
	}
	return pos
}

func (e *editor) skipBlanks(pos int) int {
	for pos < len(e.text) && (e.text[pos] == ' ' || e.text[pos] == '\t') {
		pos++
	}
	return pos
}
