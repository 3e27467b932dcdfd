package document

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// Equal reports whether two values are the same: texts by their characters, numbers by how
// they are written, objects whatever the order of their keys.
func Equal(a, b []byte) bool {
	if KindOf(a) != KindOf(b) {
		return false
	}
	switch KindOf(a) {
	case String:
		return bytes.Equal(a, b) || bytes.Equal(Unquote(nil, a), Unquote(nil, b))
	case List, Object:
		x, err := decode(a)
		y, other := decode(b)
		return err == nil && other == nil && reflect.DeepEqual(x, y)
	}
	return bytes.Equal(a, b)
}

func decode(raw []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return v, d.Decode(&v)
}
