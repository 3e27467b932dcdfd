// Package propertysyntax reads Java's .properties files, and writes their values and lines.
//
// The grammar is that of java.util.Properties.load. Keys are one list: that they have dots in them means nothing here.
package propertysyntax

import (
	"strings"
	"unicode/utf8"

	"onerpm/internal/hostconf/syntax"
)

// blanks are what Java takes for blanks: they stand before a key, end it, and stand before a value.
const blanks = " \t\f"

// Parse reads a file. A key that stands twice is an error: java.util.Properties takes the last one, other readers make a list.
func Parse(src []byte) (*syntax.Node, error) {
	text := string(src)
	r := reader{text: text, latin: !utf8.ValidString(text)}
	root := &syntax.Node{Kind: syntax.Mapping, Start: syntax.BOM(text), End: syntax.BOM(text)}
	known := map[string]bool{}
	for pos := root.Start; pos < len(text); {
		line := text[pos:syntax.LineEnd(text, pos)]
		body := strings.TrimLeft(line, blanks)
		next := syntax.NextLine(text, pos+len(line))
		switch {
		case strings.IndexByte(line, '\r') >= 0:
			return nil, syntax.ErrorAt(text, pos+strings.IndexByte(line, '\r'), "a carriage return within a line is not supported")
		case documents(line):
			return nil, syntax.ErrorAt(text, pos, "the line %s parts a file into several for Spring Boot, which is not supported", line[:4])
		case body == "" || body[0] == '#' || body[0] == '!':
			pos = next
			continue
		case body == `\`:
			return nil, syntax.ErrorAt(text, pos, `a line of \ alone`)
		}
		e, err := r.entry(pos + len(line) - len(body))
		if err != nil {
			return nil, err
		}
		if known[e.Key] {
			return nil, syntax.ErrorAt(text, e.Start, "the key %q stands twice", e.Key)
		}
		known[e.Key] = true
		end := syntax.NextLine(text, e.Value.End)
		e.Lines = [][2]int{{pos, end}}
		root.Keys = append(root.Keys, e)
		pos = end
	}
	return root, nil
}

// documents reports whether a comment is what Spring Boot takes for the start of another document, whose keys may stand before too.
func documents(line string) bool {
	line = strings.TrimRight(line, blanks)
	return line == "#---" || line == "!---"
}

// reader reads one key with its value after the other.
type reader struct {
	text  string
	latin bool // ISO 8859-1, or what it is taken for: it is no UTF-8
	pos   int
	end   int // of the last of the lines that a \ joins, its line break not counted
}

// entry reads the key that starts at a byte.
func (r *reader) entry(start int) (*syntax.Entry, error) {
	r.pos = start
	if err := r.findEnd(); err != nil {
		return nil, err
	}
	key, _, err := r.read("=:" + blanks)
	if err != nil {
		return nil, err
	}
	if key == "" {
		return nil, syntax.ErrorAt(r.text, start, "a key is empty")
	}
	e := &syntax.Entry{Key: key, Start: start, End: r.pos}
	r.skip()
	if r.pos < r.end && (r.text[r.pos] == '=' || r.text[r.pos] == ':') {
		r.pos++
		e.Colon = r.pos
		r.skip()
	}
	if e.Colon == 0 {
		e.Colon = r.pos
	}
	v := &syntax.Node{Kind: syntax.String, Sep: r.text[e.End:r.pos], Start: r.pos, End: r.end}
	var ascii bool
	if v.Text, ascii, err = r.read(""); err != nil {
		return nil, err
	}
	v.Raw = r.text[v.Start:v.End]
	switch {
	case !ascii:
		v.Unclear = `has characters beyond ASCII, which some readers take for ISO 8859-1 and some for UTF-8: write them as \uXXXX`
	case strings.Contains(v.Text, "${"):
		v.Unclear = "has ${ in it, which some readers replace: write it out"
	}
	e.Value = v
	return e, nil
}

// findEnd finds the end of the lines that belong together: an odd number of \ at its end joins the next one to a line.
func (r *reader) findEnd() error {
	for at := r.pos; ; {
		r.end = syntax.LineEnd(r.text, at)
		line := r.text[at:r.end]
		if i := strings.IndexByte(line, '\r'); i >= 0 {
			return syntax.ErrorAt(r.text, at+i, "a carriage return within a line is not supported")
		}
		if (len(line)-len(strings.TrimRight(line, `\`)))%2 == 0 {
			return nil
		}
		if at = syntax.NextLine(r.text, r.end); at == len(r.text) {
			return syntax.ErrorAt(r.text, r.end-1, `the last line ends with \`)
		}
	}
}

// joint returns where the text goes on when a \ at pos joins two lines there.
func (r *reader) joint(pos int) (int, bool) {
	if rest := r.text[pos:r.end]; !strings.HasPrefix(rest, "\\\n") && !strings.HasPrefix(rest, "\\\r\n") {
		return pos, false
	}
	next := syntax.NextLine(r.text, pos+1)
	return next + len(r.text[next:]) - len(strings.TrimLeft(r.text[next:], blanks)), true
}

// skip goes over blanks.
func (r *reader) skip() {
	for r.pos < r.end {
		if next, is := r.joint(r.pos); is {
			r.pos = min(next, r.end)
			continue
		}
		if strings.IndexByte(blanks, r.text[r.pos]) < 0 {
			return
		}
		r.pos++
	}
}

// read reads to one of the signs that ends it, or to the end; ascii tells whether the file has nothing else there.
func (r *reader) read(ends string) (text string, ascii bool, err error) {
	var b strings.Builder
	ascii = true
	for r.pos < r.end {
		c := r.text[r.pos]
		next, joins := r.joint(r.pos)
		switch {
		case joins:
			r.pos = min(next, r.end)
		case c == '\\':
			if err := r.escape(&b); err != nil {
				return "", false, err
			}
		case strings.IndexByte(ends, c) >= 0:
			return b.String(), ascii, nil
		case c >= utf8.RuneSelf && r.latin:
			b.WriteRune(rune(c))
			r.pos++
			ascii = false
		default:
			b.WriteByte(c)
			r.pos++
			ascii = ascii && c < utf8.RuneSelf
		}
	}
	return b.String(), ascii, nil
}
