// Package syntax is the tree that a file of keys and values is read into. Each node knows
// the bytes that it is written in: the readers of the formats make it, and edits go by it.
package syntax

import (
	"errors"
	"strings"

	"onerpm/internal/hostconf/placeholder"
)

// Kind is the type of a value.
type Kind int

// The kinds.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Mapping
	Reference // YAML: a value with an anchor or a tag, or an alias; Text is as it stands in the file
	Line      // env: a line that is no assignment
	Time      // TOML: a date, a time of day or both; Text is as it stands in the file
)

// Style is how a value is written in its file.
type Style int

// The styles.
const (
	Plain  Style = iota
	Single       // 'a string'
	Double       // "a string"
	Block        // a string over lines; YAML: a list or mapping by indentation; INI, TOML: one below a line [header]
	Flow         // [a] or {a: b}
	Dotted       // TOML: a mapping that keys with a dot in them make
)

// Node is a value of a file, with the bytes it is written in.
type Node struct {
	Kind   Kind
	Text   string // of a string: its value; of a boolean or number: as it is written
	Items  []*Node
	Keys   []*Entry // in the order of the file, no key twice
	Style  Style
	Secret bool // not to be shown, whatever the key is called

	// What follows is for those who read and write a format.

	Target   *Node            // Reference: what it stands for; nil when that is not known
	Means    string           // Reference: a digest of what it stands for
	Merged   map[string]*Node // Mapping: what its merge key (<<) brings
	Raw      string           // of a value, where an edit can use it: as it is written
	Sep      string           // what stands between key and value, where each key has a line
	Section  string           // env: what the line [section] above it gives the keys below; TOML: of a mapping, what stands before its keys in a header or a key
	Expands  bool             // env: a shell would put something in
	Exported bool             // env: on a line with export, which only shells read
	Unclear  string           // why it is not certain what a program reads here, with what to do: "is ...: do ..."

	Start, End int // in the file; Start == End for a null that is written as nothing; of a mapping below a header: of the header's line, 0 for none
	Body       int // TOML: of such a mapping, where the last line of its own keys ends, or else its header
	index      map[string]*Entry
}

// Entry is one key of a mapping.
type Entry struct {
	Key   string
	Value *Node

	Start, End int      // of the key as it is written
	Colon      int      // behind the colon or equals sign
	Lines      [][2]int // where keys take lines of their own: all that it takes, in their order, with their line breaks
}

// Last is the last of the entry's lines.
func (e *Entry) Last() [2]int { return e.Lines[len(e.Lines)-1] }

// OrMapping returns the root of a file without any value as a mapping without keys.
func (n *Node) OrMapping() *Node {
	if n != nil && n.Kind == Null && n.Start == n.End {
		return &Node{Kind: Mapping}
	}
	return n
}

// Find returns the entry of a key, or nil.
func (n *Node) Find(key string) *Entry {
	if n.index == nil {
		n.index = make(map[string]*Entry, len(n.Keys))
		for _, e := range n.Keys {
			n.index[e.Key] = e
		}
	}
	return n.index[key]
}

// Insert puts an entry at position i; the key must be new.
func (n *Node) Insert(i int, e *Entry) {
	n.Keys = append(n.Keys[:i:i], append([]*Entry{e}, n.Keys[i:]...)...)
	n.index = nil
}

// Append puts a key behind the others; it must be new.
func (n *Node) Append(key string, val *Node) {
	n.Keys = append(n.Keys, &Entry{Key: key, Value: val})
	n.index = nil
}

// Get returns the value of a key, nil for none; n may be nil.
func (n *Node) Get(key string) *Node {
	if n == nil || n.Kind != Mapping {
		return nil
	}
	if e := n.Find(key); e != nil {
		return e.Value
	}
	return nil
}

// Inherited returns the value that a YAML merge key brings for a key which the
// mapping itself does not have, nil for none; n may be nil.
func (n *Node) Inherited(key string) *Node {
	if n == nil || n.Get(key) != nil {
		return nil
	}
	return n.Merged[key]
}

// Resolve returns what an anchored, tagged or aliased value is, and any other value
// itself; nil when a tag makes something else of it.
func (n *Node) Resolve() *Node {
	for n != nil && n.Kind == Reference {
		n = n.Target
	}
	return n
}

// Lookup finds a.b.c below n, as it is written; a key that has dots in it is found too.
func (n *Node) Lookup(path string) *Node {
	if n = n.Resolve(); n == nil || n.Kind != Mapping {
		return nil
	}
	get := func(key string) *Node {
		if v := n.Get(key); v != nil {
			return v
		}
		return n.Inherited(key)
	}
	if v := get(path); v != nil {
		return v
	}
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '.' {
			if v := get(path[:i]).Lookup(path[i+1:]); v != nil {
				return v
			}
		}
	}
	return nil
}

// Store puts a value at a.b.c below n, where Lookup finds it, and makes the mappings that are missing; they go so many levels deep, and a
// key of the last one may have dots in it.
func (n *Node) Store(path string, v *Node, levels int) error {
	if n.Kind != Mapping {
		return errors.New("a key above it is no mapping")
	}
	if e := n.Find(path); e != nil {
		e.Value = v
		return nil
	}
	if levels == 1 {
		n.Append(path, v)
		return nil
	}
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '.' && n.Get(path[:i]) != nil {
			return n.Get(path[:i]).Store(path[i+1:], v, levels-1)
		}
	}
	head, rest, more := strings.Cut(path, ".")
	if !more {
		n.Append(path, v)
		return nil
	}
	below := &Node{Kind: Mapping}
	if err := below.Store(rest, v, levels-1); err != nil {
		return err
	}
	n.Append(head, below)
	return nil
}

// Equal reports whether two values are the same; order matters in lists only.
func Equal(a, b *Node) bool {
	return compare(a, b, func(x, y *Node) bool {
		return x.Kind == y.Kind && x.Text == y.Text && x.Expands == y.Expands && x.Means == y.Means
	})
}

// Same is Equal for values of two releases: placeholders equal one another.
func Same(a, b *Node) bool {
	return compare(a, b, func(x, y *Node) bool {
		return x.Kind == y.Kind && placeholder.Canonical(x.Text) == placeholder.Canonical(y.Text) && x.Expands == y.Expands && x.Means == y.Means
	})
}

func compare(a, b *Node, scalars func(a, b *Node) bool) bool {
	switch {
	case a == nil || b == nil:
		return a == b
	case a.Kind != b.Kind:
		return false
	case a.Kind == List:
		if len(a.Items) != len(b.Items) {
			return false
		}
		for i := range a.Items {
			if !compare(a.Items[i], b.Items[i], scalars) {
				return false
			}
		}
		return true
	case a.Kind == Mapping:
		if len(a.Keys) != len(b.Keys) {
			return false
		}
		for _, e := range a.Keys {
			if o := b.Get(e.Key); o == nil || !compare(e.Value, o, scalars) {
				return false
			}
		}
		return true
	}
	return scalars(a, b)
}

// Clone returns a deep copy.
func (n *Node) Clone() *Node {
	c := *n
	c.index, c.Items, c.Keys = nil, nil, nil
	for _, v := range n.Items {
		c.Items = append(c.Items, v.Clone())
	}
	for _, e := range n.Keys {
		k := *e
		k.Value = e.Value.Clone()
		c.Keys = append(c.Keys, &k)
	}
	return &c
}

// Join is the path of a key below another.
func Join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
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
