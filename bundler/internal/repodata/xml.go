package repodata

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// writer writes an entry as createrepo_c lays it out: an element a line, two blanks a
// level. Markup in values is always escaped, which is what lets a list be cut into entries by its lines.
type writer struct {
	b   []byte
	err error // the first value that cannot be written
}

// open begins an element; attrs are names and values in turn.
func (w *writer) open(level int, name string, attrs ...string) {
	w.tag(level, name, attrs)
	w.b = append(w.b, ">\n"...)
}

func (w *writer) close(level int, name string) {
	w.indent(level)
	w.b = append(append(append(w.b, "</"...), name...), ">\n"...)
}

// empty writes an element that has attributes only.
func (w *writer) empty(level int, name string, attrs ...string) {
	w.tag(level, name, attrs)
	w.b = append(w.b, "/>\n"...)
}

// text writes an element that has only text in it.
func (w *writer) text(level int, name, content string, attrs ...string) {
	if content == "" {
		w.empty(level, name, attrs...)
		return
	}
	w.tag(level, name, attrs)
	w.b = append(w.b, '>')
	w.value(content, textEscapes)
	w.b = append(append(append(w.b, "</"...), name...), ">\n"...)
}

func (w *writer) tag(level int, name string, attrs []string) {
	w.indent(level)
	w.b = append(append(w.b, '<'), name...)
	for i := 0; i+1 < len(attrs); i += 2 {
		w.b = append(append(append(w.b, ' '), attrs[i]...), `="`...)
		w.value(attrs[i+1], attrEscapes)
		w.b = append(w.b, '"')
	}
}

func (w *writer) indent(level int) {
	for range level {
		w.b = append(w.b, "  "...)
	}
}

var (
	textEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;")
	attrEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#13;", "\n", "&#10;", "\t", "&#9;")
)

// value writes a value that may be anything a header can hold.
func (w *writer) value(s string, escapes *strings.Replacer) {
	s, err := legal(s)
	if err != nil {
		if w.err == nil {
			w.err = err
		}
		return
	}
	w.b = append(w.b, escapes.Replace(s)...)
}

var errControl = errors.New("control characters cannot be written as XML")

// legal returns s as XML can hold it. Bytes that are no UTF-8 are taken for Latin-1,
// as createrepo_c takes them; characters that XML has no way to write are refused, as there.
func legal(s string) (string, error) {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return "", fmt.Errorf("%.80q: %w", s, errControl)
		}
	}
	if !utf8.ValidString(s) {
		return fromLatin1(s), nil
	}
	if strings.ContainsAny(s, "\uFFFE\uFFFF") {
		return "", fmt.Errorf("%.80q: %w", s, errControl)
	}
	return s, nil
}

// fromLatin1 leaves out what Latin-1 has no printable character for.
func fromLatin1(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < 0x80 || c >= 0xc0 {
			b.WriteRune(rune(c))
		}
	}
	return b.String()
}
