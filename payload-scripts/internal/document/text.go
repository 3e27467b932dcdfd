package document

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Unquote appends the text of a string to dst: UTF-8, in which a surrogate without its
// partner is three bytes as Python's surrogatepass writes them. Bytes that are no UTF-8
// become U+FFFD.
func Unquote(dst, written []byte) []byte {
	s := written[1 : len(written)-1]
	for len(s) > 0 {
		at := bytes.IndexByte(s, '\\')
		if at < 0 {
			at = len(s)
		}
		if plain := s[:at]; utf8.Valid(plain) {
			dst = append(dst, plain...)
		} else {
			dst = append(dst, bytes.ToValidUTF8(plain, []byte("\uFFFD"))...)
		}
		if s = s[at:]; len(s) < 2 {
			break
		}
		if s[1] != 'u' {
			dst, s = append(dst, escape(s[1])), s[2:]
			continue
		}
		r := hex4(s)
		s = s[min(6, len(s)):]
		if utf16.IsSurrogate(r) {
			if second := hex4(s); second >= 0 {
				if whole := utf16.DecodeRune(r, second); whole != utf8.RuneError {
					dst, s = utf8.AppendRune(dst, whole), s[6:]
					continue
				}
			}
			dst = append(dst, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
			continue
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

func escape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// hex4 reads \uXXXX at the start of s, -1 when there is none.
func hex4(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range s[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// Text returns a string's text as PostgreSQL takes it, and how many characters it cannot
// hold: each NUL and each surrogate without its partner is U+FFFD instead.
func Text(written []byte) (text []byte, replaced int) {
	inner := written[1 : len(written)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return inner, 0
	}
	text = Unquote(nil, written)
	if utf8.Valid(text) && bytes.IndexByte(text, 0) < 0 {
		return text, 0
	}
	clean := make([]byte, 0, len(text)+8)
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case r == 0:
			clean, replaced = append(clean, "\uFFFD"...), replaced+1
		case r == utf8.RuneError && n == 1: // Unquote leaves no other bytes than a surrogate's three
			clean, replaced, n = append(clean, "\uFFFD"...), replaced+1, 3
		default:
			clean = append(clean, text[i:i+n]...)
		}
		i += n
	}
	return clean, replaced
}
