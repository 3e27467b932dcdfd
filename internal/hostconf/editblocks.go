package hostconf

import (
	"strings"

	"onerpm/internal/hostconf/syntax"
)

// What is here is about files in which the keys below a line [header] are a block.

// nextLine returns the start of the first line from a line's start on that is neither empty nor a comment, the end of the text for none.
func (e *editor) nextLine(pos int, comment string) int {
	for pos < len(e.text) {
		line := e.text[pos:syntax.LineEnd(e.text, pos)]
		if body := strings.TrimLeft(line, " \t\f"); body != "" && strings.IndexByte(comment, body[0]) < 0 {
			return pos
		}
		pos = syntax.NextLine(e.text, pos)
	}
	return pos
}

// above returns the start of the comments right above the line that starts at pos, which are about it; they start at least at a byte.
func (e *editor) above(pos, least int, comment string) int {
	for pos > least {
		start := max(least, strings.LastIndexByte(e.text[:pos-1], '\n')+1)
		body := strings.TrimLeft(e.text[start:pos], " \t\f")
		if strings.IndexByte(comment, body[0]) < 0 { // a line break at least is there
			break
		}
		pos = start
	}
	return pos
}

// blockEnd returns where the block ends whose last line ends at a byte: comments of its own are in it, those right above the next one's
// first line are not.
func (e *editor) blockEnd(last int, comment string) int {
	next := e.nextLine(last, comment)
	if next == len(e.text) {
		return next
	}
	pos := e.above(next, last, comment)
	for pos > last {
		start := max(last, strings.LastIndexByte(e.text[:pos-1], '\n')+1)
		if strings.TrimSpace(e.text[start:pos]) != "" {
			break
		}
		pos = start
	}
	return pos
}

// putBlock puts a block in behind the one near it, or before it, or at the end where there is none; with an empty line between blocks.
func (e *editor) putBlock(block string, near *syntax.Entry, behind bool, comment string) {
	eol := e.eol()
	if near != nil && !behind {
		pos := e.above(near.Lines[0][0], e.Root.Start, comment)
		e.put(pos, pos, block+eol+eol)
		return
	}
	pos := len(e.text)
	if near != nil {
		pos = e.blockEnd(near.Last()[1], comment)
	}
	switch {
	case pos == len(e.text) && e.freshLine() != "":
		e.put(pos, pos, eol+eol+block)
	case strings.TrimSpace(e.text[:pos]) == "" || strings.HasSuffix(e.text[:pos], eol+eol):
		e.put(pos, pos, block+eol)
	default:
		e.put(pos, pos, eol+block+eol)
	}
}

// joined are the lines that an entry takes; those of a block with the empty lines and comments between them, and with one empty line
// more where that would leave two.
func (e *editor) joined(h *syntax.Entry, comment string) [][2]int {
	if h.Value.Kind != syntax.Mapping && h.Value.Kind != syntax.List {
		return h.Lines
	}
	out := [][2]int{h.Lines[0]}
	for _, l := range h.Lines[1:] {
		if last := &out[len(out)-1]; e.nextLine(last[1], comment) == l[0] {
			last[1] = l[1]
			continue
		}
		out = append(out, l)
	}
	for i := range out {
		l := &out[i]
		next := syntax.LineEnd(e.text, l[1])
		first := l[0] <= e.Root.Start || strings.TrimSpace(e.text[strings.LastIndexByte(e.text[:l[0]-1], '\n')+1:l[0]]) == ""
		if first && next < len(e.text) && strings.TrimSpace(e.text[l[1]:next]) == "" {
			l[1] = syntax.NextLine(e.text, next)
		}
	}
	return out
}
