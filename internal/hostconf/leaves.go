package hostconf

import (
	"bytes"
	"encoding/json"
	"fmt"

	"onerpm/internal/hostconf/syntax"
)

// Leaf is one value of a file, with the keys that lead to it.
type Leaf struct {
	Key   string // a.b.c; "" for a file that is one value, and for a line of an env file that is no assignment
	Value *syntax.Node
}

// Leaves returns the values of a file in their order. A list is one value, and so is
// what an anchor, alias or tag stands before.
func (d *Document) Leaves() []Leaf {
	var out []Leaf
	var walk func(path string, n *syntax.Node)
	walk = func(path string, n *syntax.Node) {
		if n.Kind != syntax.Mapping || len(n.Keys) == 0 {
			if n.Kind == syntax.Line {
				path = ""
			}
			out = append(out, Leaf{path, n})
			return
		}
		for _, e := range n.Keys {
			walk(syntax.Join(path, e.Key), e.Value)
		}
	}
	if root := d.Root; root.Kind != syntax.Null || root.Start != root.End {
		if root.Kind != syntax.Mapping || len(root.Keys) > 0 || tree(d.Format) {
			walk("", root)
		}
	}
	return out
}

// Show writes a value for people, on one line where the file's format has such a form.
func (d *Document) Show(n *syntax.Node) string {
	if d.Format == "json" {
		var compact bytes.Buffer
		if err := json.Compact(&compact, d.src[n.Start:n.End]); err == nil {
			return compact.String()
		}
	}
	return n.String()
}

// Text returns the text at a key. An error names the key, never a value.
func (d *Document) Text(key string) (string, error) {
	n := d.Root.OrMapping().Lookup(key)
	if n == nil {
		return "", fmt.Errorf("it has no value %q", key)
	}
	plain := n.Resolve()
	switch {
	case plain == nil || plain.Kind == syntax.List || plain.Kind == syntax.Mapping || plain.Kind == syntax.Bool:
		return "", fmt.Errorf("the value %q is no text", key)
	case plain.Kind == syntax.Null:
		return "", fmt.Errorf("it has no value %q", key)
	case plain.Unclear != "":
		return "", fmt.Errorf("the value %q %s", key, plain.Unclear)
	}
	return plain.Text, nil
}
