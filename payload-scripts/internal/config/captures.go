package config

import (
	"slices"

	"onerpm/internal/hostconf/placeholder"
	"onerpm/internal/hostconf/syntax"
)

// captures are the host's values behind placeholders.
type captures map[string][]*syntax.Node

func (c captures) add(name string, n *syntax.Node) {
	if !slices.ContainsFunc(c[name], func(o *syntax.Node) bool { return syntax.Equal(o, n) }) {
		c[name] = append(c[name], n)
	}
}

// get returns the one value that stands behind name; false when there is none or more than one.
func (c captures) get(name string) (*syntax.Node, bool) {
	if v := c[name]; len(v) == 1 {
		return v[0], true
	}
	return nil, false
}

// matches reports whether the host's value v has the shape of t, and if so notes
// what stands behind t's placeholders. Both are there.
func matches(t, v *syntax.Node, c captures) bool {
	found := captures{}
	if !shaped(t, v, found) {
		return false
	}
	for name, values := range found {
		for _, n := range values {
			c.add(name, n)
		}
	}
	return true
}

func shaped(t, v *syntax.Node, c captures) bool {
	if t.Kind == syntax.String && placeholder.In(t.Text) {
		tmpl := placeholder.Parse(t.Text)
		if tmpl.Whole() {
			if v = v.Resolve(); v != nil {
				c.add(tmpl.Names[0], v)
			}
			return true
		}
		if v = v.Resolve(); v == nil || v.Kind != syntax.String {
			return false
		}
		found, ok := tmpl.Match(v.Text)
		for name, text := range found {
			c.add(name, &syntax.Node{Kind: syntax.String, Text: text})
		}
		return ok
	}
	if t.Kind != v.Kind {
		return false
	}
	switch t.Kind {
	case syntax.List:
		if len(t.Items) != len(v.Items) {
			return false
		}
		for i := range t.Items {
			if !shaped(t.Items[i], v.Items[i], c) {
				return false
			}
		}
		return true
	case syntax.Mapping:
		if len(t.Keys) != len(v.Keys) {
			return false
		}
		for _, e := range t.Keys {
			if o := v.Get(e.Key); o == nil || !shaped(e.Value, o, c) {
				return false
			}
		}
		return true
	}
	return syntax.Equal(t, v)
}

// templated reports whether a placeholder is anywhere in n.
func templated(n *syntax.Node) bool {
	if n.Kind == syntax.String && placeholder.In(n.Text) {
		return true
	}
	for _, v := range n.Items {
		if templated(v) {
			return true
		}
	}
	for _, e := range n.Keys {
		if templated(e.Value) {
			return true
		}
	}
	return false
}

// weight is how much of n is fixed, in bytes.
func weight(n *syntax.Node) int {
	w := len(n.Text)
	if n.Kind == syntax.String {
		w = placeholder.Parse(n.Text).Weight()
	}
	for _, v := range n.Items {
		w += weight(v)
	}
	for _, e := range n.Keys {
		w += weight(e.Value)
	}
	return w
}
