package strictyaml

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml/ast"
)

// isJSON reports whether a type takes any value.
func isJSON(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

// json appends a node as JSON without spaces: keys in their order, numbers as they are
// written. After a mistake it is null.
func (d *decoder) json(path string, dst []byte, n ast.Node) []byte {
	line, column := place(n)
	d.doc.places[path], d.doc.nodes[path] = [2]int{line, column}, n
	if _, null := n.(*ast.NullNode); null {
		return append(dst, "null"...)
	}
	if what, allowed := refused(n); what != "" {
		d.wrong(n, what, allowed)
		return append(dst, "null"...)
	}
	if isScalar(n) {
		return d.jsonScalar(dst, n)
	}
	if list, is := n.(*ast.SequenceNode); is {
		dst = append(dst, '[')
		for i, item := range list.Values {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = d.json(fmt.Sprintf("%s[%d]", path, i), dst, item)
		}
		return append(dst, ']')
	}
	pairs, is := d.pairs(n)
	if !is {
		d.wrong(n, kind(n)+" that is no value", "")
		return append(dst, "null"...)
	}
	dst = append(dst, '{')
	for i, p := range pairs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(d.jsonText(dst, p.key), ':')
		dst = d.json(join(path, p.key), dst, p.node.Value)
	}
	return append(dst, '}')
}

func (d *decoder) jsonScalar(dst []byte, n ast.Node) []byte {
	s := text(n)
	if what, is := undecided(s); is {
		d.wrong(n, what, "")
		return append(dst, "null"...)
	}
	switch d.free(n).(type) {
	case string:
		return d.jsonText(dst, s)
	case nil: // a mistake
		return append(dst, "null"...)
	}
	if !json.Valid([]byte(s)) {
		d.wrong(n, s+" is written as no JSON", "write a number in decimal, true or false, or quote it when it is text")
		return append(dst, "null"...)
	}
	return append(dst, s...)
}

// jsonText appends a text; what is no UTF-8 is not in a file that was read.
func (d *decoder) jsonText(dst []byte, s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return append(dst, `""`...)
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
