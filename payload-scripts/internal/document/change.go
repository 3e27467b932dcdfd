package document

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ErrNoObject says that a path leads through a value which is no object.
var ErrNoObject = errors.New("a value on the way is no object")

// Set returns the document with a value at a path, whatever was there. Objects on the way
// that are missing, or are null, are made.
func Set(raw []byte, path []string, value []byte) ([]byte, error) {
	if len(path) == 0 {
		return value, nil
	}
	switch KindOf(raw) {
	case Object:
	case Missing, Null:
		raw = []byte("{}")
	default:
		return nil, fmt.Errorf("at %s: %w", strings.Join(path, "."), ErrNoObject)
	}
	at, found := last(raw, path[0])
	var old []byte
	if found {
		old = raw[at.value:at.end]
	}
	inner, err := Set(old, path[1:], value)
	if err != nil {
		return nil, err
	}
	if found {
		return splice(raw, at.value, at.end, inner), nil
	}
	key, err := json.Marshal(path[0])
	if err != nil {
		return nil, err
	}
	added := append(append(key, ':'), inner...)
	if _, any := next(raw, 1); any {
		added = append([]byte{','}, added...)
	}
	brace := len(raw) - 1
	return splice(raw, brace, brace, added), nil
}

// Remove returns the document without a value at a path.
func Remove(raw []byte, path []string) []byte {
	if len(path) == 0 {
		return raw
	}
	for {
		at, found := last(raw, path[0])
		if !found {
			return raw
		}
		if len(path) > 1 {
			inner := raw[at.value:at.end]
			return splice(raw, at.value, at.end, Remove(inner, path[1:]))
		}
		from, to := at.key, at.end
		if after := space(raw, to); raw[after] == ',' {
			to = space(raw, after+1)
		} else {
			for from > 1 && raw[from-1] != ',' && raw[from-1] != '{' {
				from-- // spaces
			}
			if raw[from-1] == ',' {
				from--
			}
		}
		raw = splice(raw, from, to, nil)
	}
}

// Append returns a list with one more item; a missing value or null is an empty list.
func Append(list, item []byte) ([]byte, error) {
	switch KindOf(list) {
	case List:
	case Missing, Null:
		list = []byte("[]")
	default:
		return nil, errors.New("the value is no list")
	}
	bracket := len(list) - 1
	if list[space(list, 1)] != ']' {
		item = append([]byte{','}, item...)
	}
	return splice(list, bracket, bracket, item), nil
}

// last finds the last member of an object that has a key.
func last(raw []byte, key string) (found member, ok bool) {
	if KindOf(raw) != Object {
		return found, false
	}
	for i := 1; ; {
		m, more := next(raw, i)
		if !more {
			return found, ok
		}
		if isKey(raw[m.key:m.keyEnd], key) {
			found, ok = m, true
		}
		i = m.end
	}
}

// splice returns raw with other bytes from one place to another.
func splice(raw []byte, from, to int, other []byte) []byte {
	out := make([]byte, 0, len(raw)-(to-from)+len(other))
	out = append(append(out, raw[:from]...), other...)
	return append(out, raw[to:]...)
}
