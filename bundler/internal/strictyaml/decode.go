// Package strictyaml reads a YAML file that a person wrote into a Go value, and
// tells everything that is wrong with it in one go, with line and column and with
// what is allowed instead. It is stricter than YAML: one document, no anchors,
// aliases, merge keys or tags, no key twice, no key without a value, nothing that
// the type does not know. Files are bounded, and no input makes it panic.
//
// A type is described by its yaml tags: `yaml:"key"`; `yaml:"-"` is not read; a
// field tagged `yaml:",scalar"` takes the node when the struct stands where a
// scalar was written. Strings take any scalar, as it is written in the file, so
// that `version: 4.10` stays 4.10. A scalar whose type has UnmarshalText goes
// there, and that error is the mistake. A []byte takes any value, null too, as JSON.
package strictyaml

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"onerpm/bundler/internal/mistake"
)

// Doc knows where the parts of a file that was read stand in it.
type Doc struct {
	File   string
	places map[string][2]int
	nodes  map[string]ast.Node
	broken map[string]bool // what could not be read, or not all of it
}

// Decode reads src into the struct that into points to. It returns where things
// stand, never nil, and every mistake; with a mistake, into holds whatever could be read.
func Decode(file string, src []byte, into any) (*Doc, mistake.List) {
	doc := &Doc{File: file, places: map[string][2]int{"": {1, 1}}, nodes: map[string]ast.Node{}, broken: map[string]bool{}}
	d := decoder{doc: doc}
	body, m := parse(file, src)
	if m != nil {
		d.mistakes.Add(*m)
	}
	if body == nil {
		return doc, d.mistakes
	}
	d.value("", body, reflect.ValueOf(into).Elem())
	d.mistakes.Sort()
	return doc, d.mistakes
}

// Mistake makes a mistake at a path of the file: keys are strings, places in lists
// ints. Where the file has no such path, it points at the nearest thing around it.
func (d *Doc) Mistake(what, allowed string, path ...any) mistake.Mistake {
	m := mistake.Mistake{File: d.File, What: what, Allowed: allowed}
	for n := len(path); n >= 0; n-- {
		if at, ok := d.places[Path(path[:n]...)]; ok {
			m.Line, m.Column = at[0], at[1]
			break
		}
	}
	return m
}

// Has reports whether the file has something at a path.
func (d *Doc) Has(path ...any) bool {
	_, ok := d.places[Path(path...)]
	return ok
}

// Unread reports whether nothing of the file could be read.
func (d *Doc) Unread() bool { return len(d.nodes) == 0 }

// Broken reports whether what stands at a path, or a part of it, could not be read.
func (d *Doc) Broken(path ...any) bool { return d.broken[Path(path...)] }

// Path writes a path the way people do: services[2].health.http.
func Path(path ...any) string {
	var b strings.Builder
	for _, p := range path {
		if i, ok := p.(int); ok {
			fmt.Fprintf(&b, "[%d]", i)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		fmt.Fprint(&b, p)
	}
	return b.String()
}

type decoder struct {
	doc      *Doc
	mistakes mistake.List
}

func (d *decoder) wrong(n ast.Node, what, allowed string) {
	line, column := place(n)
	d.mistakes.Add(mistake.Mistake{File: d.doc.File, Line: line, Column: column, What: what, Allowed: allowed})
}

// value reads a node into v; path is how the node is named.
func (d *decoder) value(path string, n ast.Node, v reflect.Value) {
	line, column := place(n)
	d.doc.places[path], d.doc.nodes[path] = [2]int{line, column}, n
	before := len(d.mistakes)
	defer func() { d.doc.broken[path] = len(d.mistakes) > before }()
	if isJSON(v.Type()) {
		v.SetBytes(d.json(path, nil, n))
		return
	}
	if what, allowed := refused(n); what != "" {
		d.wrong(n, what, allowed)
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if isScalar(n) {
		d.scalar(n, v)
		return
	}
	switch {
	case unmarshaler(v) != nil:
		d.wrong(n, fmt.Sprintf("%s where one value is expected", kind(n)), "")
	case v.Kind() == reflect.Struct:
		d.structure(path, n, v)
	case v.Kind() == reflect.Map:
		d.mapping(path, n, v)
	case v.Kind() == reflect.Slice:
		d.list(path, n, v)
	default:
		d.wrong(n, fmt.Sprintf("%s where %s is expected", kind(n), expected(v)), "")
	}
}

func (d *decoder) structure(path string, n ast.Node, v reflect.Value) {
	pairs, ok := d.pairs(n)
	if !ok {
		d.wrong(n, fmt.Sprintf("%s where %s is expected", kind(n), expected(v)), "")
		return
	}
	fields := fieldsOf(v.Type())
	for _, p := range pairs {
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == p.key })
		if i < 0 {
			d.wrong(p.node.Key, fmt.Sprintf("unknown key %q", p.key), suggest(p.key, fields))
			continue
		}
		d.value(join(path, p.key), p.node.Value, v.Field(fields[i].index))
	}
}

func (d *decoder) mapping(path string, n ast.Node, v reflect.Value) {
	pairs, ok := d.pairs(n)
	if !ok {
		d.wrong(n, fmt.Sprintf("%s where %s is expected", kind(n), expected(v)), "")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range pairs {
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(join(path, p.key), p.node.Value, e)
		line, column := place(p.node.Key)
		d.doc.places[join(path, p.key)] = [2]int{line, column} // a map's key is as much a person's choice as its value
		v.SetMapIndex(reflect.ValueOf(p.key).Convert(v.Type().Key()), e)
	}
}

func (d *decoder) list(path string, n ast.Node, v reflect.Value) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.wrong(n, fmt.Sprintf("%s where a list is expected", kind(n)), "")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values)))
	for i, item := range seq.Values {
		d.value(fmt.Sprintf("%s[%d]", path, i), item, v.Index(i))
	}
}

// pair is a key with its node.
type pair struct {
	key  string
	node *ast.MappingValueNode
}

// pairs returns what a mapping holds, each key once; false when n is no mapping.
func (d *decoder) pairs(n ast.Node) ([]pair, bool) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		return nil, false
	}
	seen := map[string]int{}
	var out []pair
	for _, value := range values {
		key, ok := keyText(value.Key)
		if !ok {
			d.wrong(value.Key, "a key that is no plain text", "")
			continue
		}
		if strings.ContainsFunc(key, func(c rune) bool { return unprintable(c) || c == '\n' || c == '\t' }) {
			d.wrong(value.Key, fmt.Sprintf("a control character in the key %q", key), "")
			continue
		}
		line, _ := place(value.Key)
		if first, twice := seen[key]; twice {
			d.wrong(value.Key, fmt.Sprintf("key %q stands here twice", key), fmt.Sprintf("the first is on line %d", first))
			continue
		}
		seen[key] = line
		out = append(out, pair{key, value})
	}
	return out, true
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
