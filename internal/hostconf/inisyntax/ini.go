// Package inisyntax reads INI files, and writes their values and lines.
//
// There is no one INI. What is read here is what Python's configparser reads by default, and what other readers would take
// for something else is an error, or, within a value, marked as not certain: a merge moves such a value as it stands, and who wants
// to know what it says is told why it is not known. So a file that is read has one meaning, whoever reads it.
package inisyntax

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"onerpm/internal/hostconf/syntax"
)

// Parse reads [sections] with key = value or key: value, and such keys before the first section. A line that is indented deeper than its
// key's goes on with the value. A section is a mapping of its own, and there are none within it; values are texts.
func Parse(src []byte) (*syntax.Node, error) {
	text := string(src)
	root := &syntax.Node{Kind: syntax.Mapping, Start: syntax.BOM(text), End: syntax.BOM(text)}
	r := reader{text: text, root: root, names: map[string]string{}}
	r.begin(nil)
	for pos := root.Start; pos < len(text); {
		end := syntax.NextLine(text, syntax.LineEnd(text, pos))
		if err := r.line(pos, end); err != nil {
			return nil, err
		}
		pos = end
	}
	r.endValue()
	if err := r.endSection(); err != nil {
		return nil, err
	}
	return root, nil
}

type reader struct {
	text  string
	root  *syntax.Node
	names map[string]string // of sections and of keys before them, without capitals: as they are written

	section *syntax.Entry     // that the lines are in; nil before the first
	keys    map[string]string // of the section, likewise
	within  map[string]int    // what looks like a key in a line that goes on with a value, without capitals: where it is

	last   *syntax.Entry   // the key of the section that was read last
	indent int             // of its line
	value  strings.Builder // of it, so far
	blank  int             // empty lines since
}

// begin is the start of a section.
func (r *reader) begin(section *syntax.Entry) {
	r.section, r.blank = section, 0
	r.keys, r.within = map[string]string{}, map[string]int{}
	if section == nil {
		r.keys = r.names
	}
}

// line reads the line from pos, which ends before end, its line break counted.
func (r *reader) line(pos, end int) error {
	line := r.text[pos:syntax.LineEnd(r.text, pos)]
	for i, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return syntax.ErrorAt(r.text, pos+i, "a control character")
		}
	}
	body := strings.TrimLeft(line, " \t")
	indent := len(line) - len(body)
	body = strings.TrimRight(body, " \t")
	pos += indent
	if first, _ := utf8.DecodeRuneInString(body); body != "" && unicode.IsSpace(first) || odd(body) {
		return syntax.ErrorAt(r.text, pos, "a line begins or ends with a blank that not every reader takes for one")
	}
	switch {
	case body == "":
		r.blank++
		return nil
	case body[0] == '#' || body[0] == ';':
		return nil
	case strings.HasSuffix(body, `\`):
		return syntax.ErrorAt(r.text, pos, `a line ends with \: for some readers of INI files the next one belongs to it`)
	case r.last != nil && indent > r.indent:
		return r.more(pos, end, body)
	case body[0] == '[':
		return r.header(pos, pos-indent, end, body)
	}
	return r.key(pos, pos-indent, end, body)
}

// odd reports whether a text ends with a blank beyond ASCII.
func odd(body string) bool {
	last, _ := utf8.DecodeLastRuneInString(body)
	return body != "" && unicode.IsSpace(last)
}

// header is the line of a section, with what may be a comment behind it.
var header = regexp.MustCompile(`^\[([^\[\]]*)\](?:[ \t]*|[ \t]+[;#][^\]]*)$`)

func (r *reader) header(pos, start, end int, body string) error {
	m := header.FindStringSubmatch(body)
	if m == nil {
		return syntax.ErrorAt(r.text, pos, "a line that begins with [ and is no [section]")
	}
	r.endValue()
	if err := r.endSection(); err != nil {
		return err
	}
	name := m[1]
	switch was, twice := r.names[strings.ToLower(name)]; {
	case name == "" || name != strings.TrimSpace(name):
		return syntax.ErrorAt(r.text, pos, "the name of a section is empty, or begins or ends with a blank")
	case twice && r.root.Find(was).Value.Kind != syntax.Mapping:
		return syntax.ErrorAt(r.text, pos, "the section %q has the name of a key that stands before the sections", name)
	case twice && was == name:
		return syntax.ErrorAt(r.text, pos, "the section %q stands twice", name)
	case twice:
		return syntax.ErrorAt(r.text, pos, "the sections %q and %q differ in capitals only", was, name)
	}
	r.names[strings.ToLower(name)] = name
	e := &syntax.Entry{Key: name, Start: pos + 1, End: pos + 1 + len(name), Lines: [][2]int{{start, end}},
		Value: &syntax.Node{Kind: syntax.Mapping, Style: syntax.Block, Start: start, End: end}}
	r.root.Keys = append(r.root.Keys, e)
	r.begin(e)
	return nil
}

func (r *reader) key(pos, start, end int, body string) error {
	at, err := separator(body)
	if err != "" {
		return syntax.ErrorAt(r.text, pos, "%s", err)
	}
	name := strings.TrimRight(body[:at], " \t")
	switch was, twice := r.keys[strings.ToLower(name)]; {
	case name == "" || odd(name):
		return syntax.ErrorAt(r.text, pos, "a key is empty, or ends with a blank that not every reader takes for one")
	case twice && was == name:
		return syntax.ErrorAt(r.text, pos, "the key %q stands twice", name)
	case twice:
		return syntax.ErrorAt(r.text, pos, "the keys %q and %q differ in capitals only", was, name)
	}
	r.keys[strings.ToLower(name)] = name
	from := at + 1
	from += len(body[from:]) - len(strings.TrimLeft(body[from:], " \t"))
	value := body[from:]
	if first, _ := utf8.DecodeRuneInString(value); value != "" && unicode.IsSpace(first) {
		return syntax.ErrorAt(r.text, pos, "the value of %q begins with a blank that not every reader takes for one", name)
	}
	if open(value) {
		return syntax.ErrorAt(r.text, pos, "the value of %q begins with a quote that is not closed on its line", name)
	}
	r.endValue()
	e := &syntax.Entry{Key: name, Start: pos, End: pos + len(name), Colon: pos + at + 1, Lines: [][2]int{{start, end}},
		Value: &syntax.Node{Kind: syntax.String, Sep: body[len(name):from], Start: pos + from, End: pos + len(body)}}
	n := r.root
	if r.section != nil {
		n = r.section.Value
	}
	n.Keys = append(n.Keys, e)
	r.last, r.indent, r.blank = e, pos-start, 0
	r.value.WriteString(value)
	return nil
}

// endValue is the end of the last key's value.
func (r *reader) endValue() {
	if r.last == nil {
		return
	}
	v := r.last.Value
	v.Text, v.Raw = r.value.String(), r.text[v.Start:v.End]
	v.Unclear = unclear(v.Text)
	if r.section != nil {
		r.section.Lines = append(r.section.Lines, r.last.Lines[0])
	}
	r.last = nil
	r.value.Reset()
}

// separator returns where the sign between key and value is; or what is wrong. Some readers know only = and some the first of both.
func separator(body string) (at int, wrong string) {
	equals, colon := strings.IndexByte(body, '='), strings.IndexByte(body, ':')
	switch {
	case equals < 0 && colon < 0:
		return 0, "neither a [section], nor key = value, nor a comment"
	case colon < 0 || equals >= 0 && equals < colon:
		return equals, ""
	case equals < 0 || strings.IndexByte(" \t", body[colon+1]) >= 0:
		return colon, ""
	}
	return 0, "a : stands before the =: it is not certain which of them ends the key; put a blank behind the one that does"
}

// more reads a line that goes on with the last key's value.
func (r *reader) more(pos, end int, body string) error {
	key := r.last.Key
	if header.MatchString(body) {
		return syntax.ErrorAt(r.text, pos, "a line like a [section] is indented deeper than %q: some readers take it as a part of that value", key)
	}
	if open(body) {
		return syntax.ErrorAt(r.text, pos, "a line of the value of %q begins with a quote that is not closed", key)
	}
	if at := strings.IndexAny(body, "=:"); at > 0 {
		if name := strings.ToLower(strings.TrimRight(body[:at], " \t")); r.within[name] == 0 {
			r.within[name] = pos + 1
		}
	}
	r.value.WriteString(strings.Repeat("\n", r.blank+1) + body)
	r.last.Value.End, r.last.Lines[0][1], r.blank = pos+len(body), end, 0
	return nil
}

// endSection is the end of a section. What is a part of a value here and a key of the section for other readers must not be one of
// both.
func (r *reader) endSection() error {
	first, key := len(r.text)+1, ""
	for name, at := range r.within {
		if also, both := r.keys[name]; both && at < first {
			first, key = at, also
		}
	}
	if key != "" {
		return syntax.ErrorAt(r.text, first-1, "the line is indented, so it belongs to the value above it; for some readers it is the key %q, which stands in the section too", key)
	}
	return nil
}

// open reports whether a value begins with a quote that does not end: some readers go on over lines.
func open(value string) bool {
	if value == "" || value[0] != '"' && value[0] != '\'' {
		return false
	}
	return strings.Count(value, value[:1])%2 != 0
}

var (
	comment  = regexp.MustCompile(`(^|[ \t\n])[;#]`)
	replaced = regexp.MustCompile(`%[(%]|\$\{`)
)

// unclear says why readers do not agree on what a value says, "" when they do.
func unclear(value string) string {
	switch {
	case value != "" && (value[0] == '"' || value[0] == '\''):
		return "stands in quotes, which some readers of INI files take for a part of it and some do not: write it without"
	case comment.MatchString(value):
		return "has a ; or # behind a blank, where some readers of INI files begin a comment: put the comment on a line of its own"
	case replaced.MatchString(value):
		return "has " + replaced.FindString(value) + " in it, which some readers of INI files replace: write it out"
	}
	return ""
}
