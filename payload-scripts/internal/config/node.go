package config

import (
	"strings"
)

// kind is the type of a value.
type kind int

const (
	null kind = iota
	boolean
	number
	str
	list
	mapping
)

// style is how a value is written in its file.
type style int

const (
	plain  style = iota
	single       // 'a string'
	double       // "a string"
	block        // YAML: a literal or folded string, a list or mapping by indentation
	flow         // [a] or {a: b}
)

// node is a value of a file, with the bytes it is written in.
type node struct {
	kind   kind
	text   string // of a string: its value; of a boolean or number: as it is written
	items  []*node
	keys   []*entry // in the order of the file, no key twice
	index  map[string]*entry
	style  style
	secret bool // not to be shown, whatever the key is called

	start, end int // in the file; start == end for a null that is written as nothing
}

// entry is one key of a mapping.
type entry struct {
	key        string
	val        *node
	start, end int // of the key as it is written; env: of all the lines
	colon      int // behind the colon or equals sign
	earlier    [][2]int
	exported   bool // env: "export KEY="
}

// orMapping returns the root of a file without any value as a mapping without keys.
func (n *node) orMapping() *node {
	if n != nil && n.kind == null && n.start == n.end {
		return &node{kind: mapping}
	}
	return n
}

// find returns the entry of a key, or nil.
func (n *node) find(key string) *entry {
	if n.index == nil {
		n.index = make(map[string]*entry, len(n.keys))
		for _, e := range n.keys {
			n.index[e.key] = e
		}
	}
	return n.index[key]
}

// insert puts an entry at position i; the key must be new.
func (n *node) insert(i int, e *entry) {
	n.keys = append(n.keys[:i:i], append([]*entry{e}, n.keys[i:]...)...)
	n.index = nil
}

func (n *node) append(key string, val *node) {
	n.keys = append(n.keys, &entry{key: key, val: val})
	n.index = nil
}

func (n *node) get(key string) *node {
	if n == nil || n.kind != mapping {
		return nil
	}
	if e := n.find(key); e != nil {
		return e.val
	}
	return nil
}

// equal tells whether two values are the same; order matters in lists only.
func equal(a, b *node) bool {
	return compare(a, b, func(x, y *node) bool { return x.kind == y.kind && x.text == y.text })
}

// same is equal for values of two releases: placeholders equal one another.
func same(a, b *node) bool {
	return compare(a, b, func(x, y *node) bool { return x.kind == y.kind && canonical(x.text) == canonical(y.text) })
}

func compare(a, b *node, scalars func(a, b *node) bool) bool {
	switch {
	case a == nil || b == nil:
		return a == b
	case a.kind != b.kind:
		return false
	case a.kind == list:
		if len(a.items) != len(b.items) {
			return false
		}
		for i := range a.items {
			if !compare(a.items[i], b.items[i], scalars) {
				return false
			}
		}
		return true
	case a.kind == mapping:
		if len(a.keys) != len(b.keys) {
			return false
		}
		for _, e := range a.keys {
			if o := b.get(e.key); o == nil || !compare(e.val, o, scalars) {
				return false
			}
		}
		return true
	}
	return scalars(a, b)
}

// matches tells whether the host's value v has the shape of t, and if so notes
// what stands behind t's placeholders. Both are there.
func matches(t, v *node, c captures) bool {
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

func shaped(t, v *node, c captures) bool {
	if t.kind == str && hasPlaceholder(t.text) {
		tmpl := parseTemplate(t.text)
		if tmpl.whole() {
			c.add(tmpl.names[0], v)
			return true
		}
		if v.kind != str {
			return false
		}
		found, ok := tmpl.match(v.text)
		for name, text := range found {
			c.add(name, &node{kind: str, text: text})
		}
		return ok
	}
	if t.kind != v.kind {
		return false
	}
	switch t.kind {
	case list:
		if len(t.items) != len(v.items) {
			return false
		}
		for i := range t.items {
			if !shaped(t.items[i], v.items[i], c) {
				return false
			}
		}
		return true
	case mapping:
		if len(t.keys) != len(v.keys) {
			return false
		}
		for _, e := range t.keys {
			if o := v.get(e.key); o == nil || !shaped(e.val, o, c) {
				return false
			}
		}
		return true
	}
	return t.text == v.text
}

// templated tells whether a placeholder is anywhere in n.
func (n *node) templated() bool {
	if n.kind == str && hasPlaceholder(n.text) {
		return true
	}
	for _, v := range n.items {
		if v.templated() {
			return true
		}
	}
	for _, e := range n.keys {
		if e.val.templated() {
			return true
		}
	}
	return false
}

// weight is how much of n is fixed, in bytes.
func (n *node) weight() int {
	w := len(n.text)
	if n.kind == str {
		w = parseTemplate(n.text).weight()
	}
	for _, v := range n.items {
		w += v.weight()
	}
	for _, e := range n.keys {
		w += e.val.weight()
	}
	return w
}

// size counts the values in n.
func (n *node) size() int {
	c := 1
	for _, v := range n.items {
		c += v.size()
	}
	for _, e := range n.keys {
		c += e.val.size()
	}
	return c
}

// clone returns a deep copy.
func (n *node) clone() *node {
	c := *n
	c.index, c.items, c.keys = nil, nil, nil
	for _, v := range n.items {
		c.items = append(c.items, v.clone())
	}
	for _, e := range n.keys {
		k := *e
		k.val = e.val.clone()
		c.keys = append(c.keys, &k)
	}
	return &c
}

// display writes n for people, secrets within hidden.
func (n *node) display() string {
	switch n.kind {
	case null:
		return "null"
	case list:
		parts := make([]string, len(n.items))
		for i, v := range n.items {
			parts[i] = v.display()
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case mapping:
		parts := make([]string, len(n.keys))
		for i, e := range n.keys {
			parts[i] = e.key + ": " + show(e.key, e.val)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case str:
		return `"` + n.text + `"`
	}
	return n.text
}
