package envsyntax

import (
	"errors"
	"strings"

	"onerpm/internal/hostconf/syntax"
)

var errOpenQuote = errors.New("a quote that is not closed")

// readValue reads the value that starts at start: as a shell does on a line with
// export, otherwise as systemd does, which knows quotes only where a value starts. A
// comment behind quotes is one for both. What even so is no one value is marked as unclear
// and taken as it stands on its line.
func readValue(text string, start int, exported bool) (*syntax.Node, error) {
	n := &syntax.Node{Kind: syntax.String, Start: start, Style: syntax.Plain}
	if start < len(text) {
		switch text[start] {
		case '\'':
			n.Style = syntax.Single
		case '"':
			n.Style = syntax.Double
		}
	}
	r := reader{text: text, pos: start, eol: syntax.LineEnd(text, start), shell: exported}
	for !r.ended && r.pos < r.eol {
		if err := r.part(); err != nil {
			return nil, err
		}
	}
	if r.unclear {
		n.Style, n.End = syntax.Plain, start+len(strings.TrimRight(text[start:syntax.LineEnd(text, start)], " \t"))
		n.Text = text[start:n.End]
	} else {
		n.End, n.Expands = max(start, r.end), r.expands
		n.Text = r.out.String()[:r.out.Len()-r.gap]
	}
	n.Raw = text[start:n.End]
	switch {
	case r.unclear:
		n.Unclear = "is more than one word: put all of it in one pair of quotes"
	case n.Expands && exported:
		n.Unclear = "has a $ or ` in it, which a shell replaces: write it out, or put it in single quotes"
	}
	return n, nil
}

// reader takes a value apart.
type reader struct {
	text    string
	pos     int
	eol     int // of the line that pos is in
	shell   bool
	out     strings.Builder
	end     int  // behind the last byte that belongs to the value
	gap     int  // blanks outside of quotes that were read last
	quoted  bool // a part in quotes was read
	plain   bool // a character outside of quotes was read
	expands bool // a shell would put something in
	unclear bool
	ended   bool
}

// part reads one character or one part in quotes.
func (r *reader) part() error {
	c := r.text[r.pos]
	switch {
	case c == ' ' || c == '\t':
		r.out.WriteByte(c)
		r.gap++
		r.pos++
		return nil
	case c == '#' && r.gap > 0 && (r.shell || r.quoted):
		r.ended = true
		return nil
	case r.gap > 0 && (r.shell || r.quoted): // the next word
		r.unclear, r.ended = true, true
		return nil
	}
	r.gap = 0
	switch quotes := r.shell || !r.plain; {
	case c == '\'' && quotes:
		return r.single()
	case c == '"' && quotes:
		return r.double()
	case c == '\\':
		r.plain = true
		r.escaped("")
		return nil
	case c == '$' || c == '`':
		r.expands = true
	}
	r.out.WriteByte(c)
	r.pos++
	r.end, r.plain = r.pos, true
	return nil
}

// escaped reads a backslash and what follows it: a line break goes, one of only
// (any, when that is empty) stands for itself.
func (r *reader) escaped(only string) {
	r.pos++
	rest := r.text[r.pos:]
	switch {
	case strings.HasPrefix(rest, "\n"):
		r.pos++
	case strings.HasPrefix(rest, "\r\n"):
		r.pos += 2
	case rest == "" || only != "" && !strings.Contains(only, rest[:1]):
		r.out.WriteByte('\\')
	default:
		r.out.WriteByte(rest[0])
		r.pos++
	}
	r.end = r.pos
	r.line()
}

// line finds the end of the line again when a part went over it.
func (r *reader) line() {
	if r.pos > r.eol {
		r.eol = syntax.LineEnd(r.text, r.pos)
	}
}

func (r *reader) single() error {
	i := strings.IndexByte(r.text[r.pos+1:], '\'')
	if i < 0 {
		return errOpenQuote
	}
	r.out.WriteString(r.text[r.pos+1 : r.pos+1+i])
	r.pos += i + 2
	r.end, r.quoted = r.pos, true
	r.line()
	return nil
}

func (r *reader) double() error {
	r.pos++
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; c {
		case '"':
			r.pos++
			r.end, r.quoted = r.pos, true
			r.line()
			return nil
		case '\\':
			r.escaped("\"\\`$")
			continue
		case '$', '`':
			r.expands = true
			fallthrough
		default:
			r.out.WriteByte(c)
			r.pos++
		}
	}
	return errOpenQuote
}
