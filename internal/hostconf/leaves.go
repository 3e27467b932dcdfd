package hostconf

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Leaf is one value of a file, with the keys that lead to it.
type Leaf struct {
	Key   string // a.b.c; "" for a file that is one value, and for a line of an env file that is no assignment
	Value *Node
}

// Leaves returns the values of a file in their order. A list is one value, and so is
// what an anchor, alias or tag stands before.
func (d *Document) Leaves() []Leaf {
	var out []Leaf
	var walk func(path string, n *Node)
	walk = func(path string, n *Node) {
		if n.Kind != Mapping || len(n.Keys) == 0 {
			if n.Kind == Line {
				path = ""
			}
			out = append(out, Leaf{path, n})
			return
		}
		for _, e := range n.Keys {
			walk(Join(path, e.Key), e.Value)
		}
	}
	if root := d.Root; root.Kind != Null || root.start != root.end {
		if root.Kind != Mapping || len(root.Keys) > 0 || d.Format != "env" {
			walk("", root)
		}
	}
	return out
}

// Join is the path of a key below another.
func Join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Show writes a value for people, on one line where the file's format has such a form.
func (d *Document) Show(n *Node) string {
	if d.Format == "json" {
		var compact bytes.Buffer
		if err := json.Compact(&compact, d.src[n.start:n.end]); err == nil {
			return compact.String()
		}
	}
	return n.String()
}

// String writes a value as YAML in braces, its strings without quotes: for people.
func (n *Node) String() string {
	parts := make([]string, 0, len(n.Items)+len(n.Keys))
	switch n.Kind {
	case Null:
		return ""
	case List:
		for _, v := range n.Items {
			parts = append(parts, v.String())
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case Mapping:
		for _, e := range n.Keys {
			parts = append(parts, e.Key+": "+e.Value.String())
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return n.Text
}
