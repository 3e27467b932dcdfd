// Package document works on JSON documents as they stand: numbers and strings keep their
// bytes, and nothing is parsed into trees, so that a large document takes no more memory
// than its text. Of keys that are there twice the last one counts.
//
// All input must be valid JSON: whoever reads documents from outside has proved it.
package document

import (
	"bytes"
)

// Document is one document of a store.
type Document struct {
	Index, Type, ID string
	Version         int64
	Source          []byte // valid JSON, as it was written
}

// Kind is the type of a JSON value.
type Kind byte

// The kinds.
const (
	Missing Kind = iota // there is no value
	Null
	Bool
	Number
	String
	List
	Object
)

// KindOf tells the kind of a value by its first byte; no bytes are a missing value.
func KindOf(raw []byte) Kind {
	if len(raw) == 0 {
		return Missing
	}
	switch raw[0] {
	case '{':
		return Object
	case '[':
		return List
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	}
	return Number
}

// Trim returns the value without the space around it.
func Trim(raw []byte) []byte { return bytes.Trim(raw, " \t\r\n") }

// space returns the place of the first byte from i that is no space.
func space(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\t' || raw[i] == '\r') {
		i++
	}
	return i
}

// stringEnd returns the place behind the string that begins at i.
func stringEnd(raw []byte, i int) int {
	for i++; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return len(raw)
}

// end returns the place behind the value that begins at i.
func end(raw []byte, i int) int {
	if i >= len(raw) {
		return len(raw)
	}
	switch raw[i] {
	case '"':
		return stringEnd(raw, i)
	case '{', '[':
		depth := 0
		for i < len(raw) {
			switch raw[i] {
			case '"':
				i = stringEnd(raw, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
		return len(raw)
	}
	for i < len(raw) && raw[i] != ',' && raw[i] != '}' && raw[i] != ']' && raw[i] > ' ' {
		i++
	}
	return i
}

// member is a key of an object with its value: places in the object's text.
type member struct {
	key, keyEnd int // with its quotes
	value, end  int
}

// next returns the member that begins at or behind i; false at the object's end. i is the
// place behind the object's brace or behind the member before.
func next(raw []byte, i int) (m member, ok bool) {
	i = space(raw, i)
	if i < len(raw) && raw[i] == ',' {
		i = space(raw, i+1)
	}
	if i >= len(raw) || raw[i] != '"' {
		return m, false
	}
	m.key, m.keyEnd = i, stringEnd(raw, i)
	i = space(raw, m.keyEnd)
	m.value = space(raw, i+1) // behind the colon
	m.end = end(raw, m.value)
	return m, true
}

// Members calls work with each key, in quotes as it is written, and its value, until it returns false.
func Members(raw []byte, work func(key, value []byte) bool) {
	if KindOf(raw) != Object {
		return
	}
	for i := 1; ; {
		m, ok := next(raw, i)
		if !ok || !work(raw[m.key:m.keyEnd], raw[m.value:m.end]) {
			return
		}
		i = m.end
	}
}

// Items calls work with each item of a list until it returns false.
func Items(raw []byte, work func(item []byte) bool) {
	if KindOf(raw) != List {
		return
	}
	for i := space(raw, 1); i < len(raw) && raw[i] != ']'; {
		e := end(raw, i)
		if !work(raw[i:e]) {
			return
		}
		if i = space(raw, e); i < len(raw) && raw[i] == ',' {
			i = space(raw, i+1)
		}
	}
}

// isKey reports whether a key as it is written, in quotes, is that key.
func isKey(written []byte, key string) bool {
	if len(written) < 2 {
		return false
	}
	inner := written[1 : len(written)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner) == key
	}
	return string(Unquote(nil, written)) == key
}

// Get returns the value at a path, nil when there is none.
func Get(raw []byte, path []string) []byte {
	for _, key := range path {
		var found []byte
		Members(raw, func(k, v []byte) bool {
			if isKey(k, key) {
				found = v
			}
			return true
		})
		if found == nil {
			return nil
		}
		raw = found
	}
	return raw
}
