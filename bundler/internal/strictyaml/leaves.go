package strictyaml

import (
	"strings"

	"github.com/goccy/go-yaml/ast"

	"onerpm/bundler/internal/mistake"
)

// Leaf is one value of any YAML file, with the keys that lead to it.
type Leaf struct {
	Key    string // a.b.c
	Value  string // as it stands in the file for scalars, without quotes; lists as YAML
	Line   int
	Column int
}

// Leaves returns the values of a YAML file of any shape, in their order. A list is
// one value. Anchors and tags are shown, not followed. It has the limits of Decode.
func Leaves(file string, src []byte) ([]Leaf, *mistake.Mistake) {
	body, m := parse(file, src)
	if m != nil {
		return nil, m
	}
	var out []Leaf
	leaves("", body, &out)
	return out, nil
}

func leaves(path string, n ast.Node, out *[]Leaf) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	}
	for _, v := range values {
		key, ok := keyText(v.Key)
		if !ok {
			key = v.Key.String()
		}
		leaves(join(path, key), v.Value, out)
	}
	if len(values) > 0 {
		return
	}
	line, column := place(n)
	leaf := Leaf{Key: path, Line: line, Column: column}
	switch n := n.(type) {
	case nil, *ast.NullNode:
	case *ast.MappingNode:
		leaf.Value = "{}"
	default:
		if leaf.Value = n.String(); isScalar(n) {
			leaf.Value = text(n)
		}
	}
	leaf.Value = strings.TrimSpace(leaf.Value)
	*out = append(*out, leaf)
}
