package propertysyntax

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"onerpm/internal/hostconf/syntax"
)

// signs are the escapes that stand for another sign; a \ before any other one is left out.
var signs = map[byte]byte{'t': '\t', 'n': '\n', 'r': '\r', 'f': '\f'}

// escape reads what begins with a \ that joins no lines.
func (r *reader) escape(b *strings.Builder) error {
	c := r.text[r.pos+1]
	switch sign, has := signs[c]; {
	case c == 'u':
		return r.unicode(b)
	case has:
		b.WriteByte(sign)
	case c >= utf8.RuneSelf: // the character is read as it stands
		r.pos++
		return nil
	default:
		b.WriteByte(c)
	}
	r.pos += 2
	return nil
}

// unicode reads \uXXXX, and the second half of a character that takes two of them.
func (r *reader) unicode(b *strings.Builder) error {
	at := r.pos
	first, ok := r.unit()
	if ok && utf16.IsSurrogate(first) {
		var second rune
		if second, ok = r.unit(); ok {
			first = utf16.DecodeRune(first, second)
			ok = first != utf8.RuneError
		}
	}
	if !ok {
		return syntax.ErrorAt(r.text, at, `a \u without four hexadecimal digits behind it, or one that is half of a character`)
	}
	b.WriteRune(first)
	return nil
}

// unit reads one \uXXXX.
func (r *reader) unit() (rune, bool) {
	rest := r.text[r.pos:r.end]
	if len(rest) < 6 || rest[:2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(rest[2:6], 16, 16)
	if err != nil || strings.IndexByte("+-_", rest[2]) >= 0 {
		return 0, false
	}
	r.pos += 6
	return rune(n), true
}

// escaped writes a text with escapes: of a key, or else of a value.
func escaped(s string, key bool) string {
	var b strings.Builder
	for i, c := range s {
		switch {
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\f':
			b.WriteString(`\f`)
		case c == '\\', c == ' ' && (key || i == 0 || i == len(s)-1), key && strings.ContainsRune("=:", c), key && i == 0 && strings.ContainsRune("#!", c):
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < ' ' || c >= 0x7f:
			for _, unit := range utf16.Encode([]rune{c}) {
				hex := strconv.FormatUint(uint64(unit), 16)
				b.WriteString(`\u` + strings.Repeat("0", 4-len(hex)) + hex)
			}
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}
