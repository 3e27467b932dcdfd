package hostconf

import (
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// maxInherited bounds the keys that merge keys bring into a file's mappings: a few
// lines that refer to one another could make millions of them.
const maxInherited = 10000

// reference is a value with something before it that gives it a further meaning: to
// change a part of it would change more than that. So it is compared as it is written,
// and by what it stands for: an alias that comes to mean another anchor is another value.
func (y *yamlReader) reference(start, end int, target *Node) *Node {
	means, known := y.digests[target]
	if !known {
		means = target.digest()
		y.digests[target] = means
	}
	return &Node{Kind: Reference, Text: unix(y.text[start:end]), target: target, means: means, start: start, end: end, Style: blockOf(target)}
}

// digest stands for what a value says. A reference within has one already, so that
// references to references take no longer than they are written.
func (n *Node) digest() string {
	if n == nil {
		return ""
	}
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%d %q %q %d %d", n.Kind, Canonical(n.Text), n.means, len(n.Items), len(n.Keys))
	for _, v := range n.Items {
		_, _ = io.WriteString(h, v.digest())
	}
	keys := slices.SortedFunc(slices.Values(n.Keys), func(a, b *Entry) int { return strings.Compare(a.Key, b.Key) })
	for _, e := range keys {
		_, _ = fmt.Fprintf(h, "%q %s", e.Key, e.Value.digest())
	}
	return string(h.Sum(nil))
}

// blockOf is the style of an anchored value: below its key, or behind it.
func blockOf(target *Node) Style {
	if target != nil && target.Style == Block {
		return Block
	}
	return Plain
}

// inner reads the value behind an anchor or a tag whose own text ends at end; it
// returns where both end.
func (y *yamlReader) inner(n ast.Node, end, indent, depth int) (*Node, int, error) {
	if n == nil {
		return &Node{Kind: Null, start: end, end: end}, end, nil
	}
	v, err := y.node(n, indent, depth+1)
	if err != nil {
		return nil, 0, err
	}
	if v.Kind == Null && v.start == v.end {
		v.start, v.end = end, end
	}
	if v.start < end {
		return nil, 0, y.unsupported(n)
	}
	return v, v.end, nil
}

func (y *yamlReader) anchor(n *ast.AnchorNode, indent, depth int) (*Node, error) {
	start, err := y.bracket(n, '&')
	if err != nil {
		return nil, err
	}
	name := n.Name.GetToken().Value
	if !strings.HasPrefix(y.text[start+1:], name) {
		return nil, y.unsupported(n)
	}
	target, end, err := y.inner(n.Value, start+1+len(name), indent, depth)
	if err != nil {
		return nil, err
	}
	y.anchors[name] = target
	return y.reference(start, end, target), nil
}

func (y *yamlReader) alias(n *ast.AliasNode) (*Node, error) {
	start, err := y.bracket(n, '*')
	if err != nil {
		return nil, err
	}
	name := n.Value.GetToken().Value
	if !strings.HasPrefix(y.text[start+1:], name) {
		return nil, y.unsupported(n)
	}
	target, known := y.anchors[name]
	if !known {
		return nil, y.wrong(n, "this alias has no anchor before it") // its name may be a secret that lacks quotes
	}
	return y.reference(start, start+1+len(name), target), nil
}

// known are the tags that say of a value what it is anyway, or that it is a string.
var known = []string{"!", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq"}

func (y *yamlReader) tag(n *ast.TagNode, indent, depth int) (*Node, error) {
	start, err := y.bracket(n, '!')
	if err != nil {
		return nil, err
	}
	name := n.Start.Value
	if !strings.HasPrefix(y.text[start:], name) {
		return nil, y.unsupported(n)
	}
	y.tags[n.Start.Position.Line]++
	target, end, err := y.inner(n.Value, start+len(name), indent, depth)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(known, name) {
		return y.reference(start, end, nil), nil
	}
	return y.reference(start, end, target), nil
}

// inherit gives a mapping the keys that its merge key brings: of several mappings
// the first one that has a key holds.
func (y *yamlReader) inherit(to *Node, v *ast.MappingValueNode, value *Node) error {
	from := []*Node{value}
	if value.Kind == List {
		from = value.Items
	}
	to.inherited = map[string]*Node{}
	for _, n := range from {
		n = n.Resolve()
		if n == nil || n.Kind != Mapping {
			return y.wrong(v.Key, "a merge key (<<) takes a mapping or a list of them")
		}
		add := func(key string, value *Node) {
			if _, has := to.inherited[key]; !has {
				to.inherited[key] = value
				y.inherited++
			}
		}
		for _, e := range n.Keys {
			if e.Key != "<<" {
				add(e.Key, e.Value)
			}
		}
		for key, value := range n.inherited {
			if n.Get(key) == nil {
				add(key, value)
			}
		}
		if y.inherited > maxInherited {
			return y.wrong(v.Key, "merge keys (<<) bring more than %d keys", maxInherited)
		}
	}
	return nil
}
