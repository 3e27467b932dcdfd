package yamlsyntax

import (
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"onerpm/internal/hostconf/placeholder"
	"onerpm/internal/hostconf/syntax"
)

// maxInherited bounds the keys that merge keys bring into a file's mappings: a few
// lines that refer to one another could make millions of them.
const maxInherited = 10000

// reference is a value with something before it that gives it a further meaning: to
// change a part of it would change more than that. So it is compared as it is written,
// and by what it stands for: an alias that comes to mean another anchor is another value.
func (y *reader) reference(start, end int, target *syntax.Node) *syntax.Node {
	means, known := y.digests[target]
	if !known {
		means = digest(target)
		y.digests[target] = means
	}
	return &syntax.Node{Kind: syntax.Reference, Text: unix(y.text[start:end]), Target: target, Means: means, Start: start, End: end, Style: blockOf(target)}
}

// digest stands for what a value says. A reference within has one already, so that
// references to references take no longer than they are written.
func digest(n *syntax.Node) string {
	if n == nil {
		return ""
	}
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%d %q %q %d %d", n.Kind, placeholder.Canonical(n.Text), n.Means, len(n.Items), len(n.Keys))
	for _, v := range n.Items {
		_, _ = io.WriteString(h, digest(v))
	}
	keys := slices.SortedFunc(slices.Values(n.Keys), func(a, b *syntax.Entry) int { return strings.Compare(a.Key, b.Key) })
	for _, e := range keys {
		_, _ = fmt.Fprintf(h, "%q %s", e.Key, digest(e.Value))
	}
	return string(h.Sum(nil))
}

// blockOf is the style of an anchored value: below its key, or behind it.
func blockOf(target *syntax.Node) syntax.Style {
	if target != nil && target.Style == syntax.Block {
		return syntax.Block
	}
	return syntax.Plain
}

// inner reads the value behind an anchor or a tag whose own text ends at end; it
// returns where both end.
func (y *reader) inner(n ast.Node, end, indent, depth int) (*syntax.Node, int, error) {
	if n == nil {
		return &syntax.Node{Kind: syntax.Null, Start: end, End: end}, end, nil
	}
	v, err := y.node(n, indent, depth+1)
	if err != nil {
		return nil, 0, err
	}
	if v.Kind == syntax.Null && v.Start == v.End {
		v.Start, v.End = end, end
	}
	if v.Start < end {
		return nil, 0, y.unsupported(n)
	}
	return v, v.End, nil
}

func (y *reader) anchor(n *ast.AnchorNode, indent, depth int) (*syntax.Node, error) {
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

func (y *reader) alias(n *ast.AliasNode) (*syntax.Node, error) {
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

func (y *reader) tag(n *ast.TagNode, indent, depth int) (*syntax.Node, error) {
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
func (y *reader) inherit(to *syntax.Node, v *ast.MappingValueNode, value *syntax.Node) error {
	from := []*syntax.Node{value}
	if value.Kind == syntax.List {
		from = value.Items
	}
	to.Merged = map[string]*syntax.Node{}
	for _, n := range from {
		n = n.Resolve()
		if n == nil || n.Kind != syntax.Mapping {
			return y.wrong(v.Key, "a merge key (<<) takes a mapping or a list of them")
		}
		add := func(key string, value *syntax.Node) {
			if _, has := to.Merged[key]; !has {
				to.Merged[key] = value
				y.inherited++
			}
		}
		for _, e := range n.Keys {
			if e.Key != "<<" {
				add(e.Key, e.Value)
			}
		}
		for key, value := range n.Merged {
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
