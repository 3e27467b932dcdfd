// Package condition reports whether a host is one of those that a bundle's cases are about, by what the product's
// configuration there says.
package condition

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"onerpm/internal/hostconf"
	"onerpm/internal/hostconf/syntax"
	"onerpm/internal/manifest"
)

// Any reports whether one of the cases holds, or there is none, and the names of the items that conditions found.
// read returns a file's content; one that is not there is fs.ErrNotExist. An error names file and key, never a value.
func Any(cases []manifest.HostCase, read func(file string) ([]byte, error)) (bool, []string, error) {
	holds, names := len(cases) == 0, []string{}
	for _, c := range cases {
		is, found, err := all(c, read)
		if err != nil {
			return false, nil, err
		}
		if is {
			holds, names = true, append(names, found...)
		}
	}
	slices.Sort(names)
	return holds, slices.Compact(names), nil
}

func all(c manifest.HostCase, read func(string) ([]byte, error)) (bool, []string, error) {
	var names []string
	for _, h := range c.All {
		root, err := parse(h.File, h.Format, read)
		if err != nil {
			return false, nil, fmt.Errorf("read %s: %w", h.File, err)
		}
		is, found, err := holds(h, root)
		if err != nil {
			return false, nil, fmt.Errorf("read %s: %w", h.File, err)
		}
		if !is {
			return false, nil, nil
		}
		names = append(names, found...)
	}
	return true, names, nil
}

// parse reads a file; one that is not there has no keys.
func parse(file, format string, read func(string) ([]byte, error)) (*syntax.Node, error) {
	data, err := read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return &syntax.Node{Kind: syntax.Mapping}, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := hostconf.Parse(format, data)
	if err != nil {
		return nil, err
	}
	return d.Root.OrMapping(), nil
}

func holds(h manifest.HostCondition, root *syntax.Node) (bool, []string, error) {
	at := root.Lookup(h.Key)
	if h.Some == nil {
		if n := at.Resolve(); n != nil && n.Unclear != "" {
			return false, nil, fmt.Errorf("the value %q %s", h.Key, n.Unclear)
		}
		return oneOf(at, h.Is, h.Not), nil, nil
	}
	items, err := list(h.Key, at)
	if err != nil {
		return false, nil, err
	}
	var others []*syntax.Node
	if t := h.Some.Through; t != nil {
		if others, err = list(t.List, root.Lookup(t.List)); err != nil {
			return false, nil, err
		}
	}
	is, names := false, []string(nil)
	for _, item := range items {
		if !holdsOf(*h.Some, item, others) {
			continue
		}
		is = true
		if h.Some.Named == "" {
			continue
		}
		if name, _ := text(item.Lookup(h.Some.Named)); name != "" {
			names = append(names, name)
		}
	}
	return is, names, nil
}

func holdsOf(i manifest.HostItem, item *syntax.Node, others []*syntax.Node) bool {
	at := item.Lookup(i.Key)
	if i.Lacks == "" {
		return oneOf(at, i.Is, i.Not)
	}
	if has(at, i.Lacks) {
		return false
	}
	if i.Through == nil {
		return true
	}
	names := item.Lookup(i.Through.Names)
	return !slices.ContainsFunc(others, func(o *syntax.Node) bool {
		name, ok := text(o.Lookup(i.Through.By))
		return ok && has(names, name) && has(o.Lookup(i.Key), i.Lacks)
	})
}

// oneOf reports whether a value is one of a list of texts, or none of another. A list or mapping is none of any.
func oneOf(n *syntax.Node, is, not []string) bool {
	value, ok := text(n)
	if is != nil {
		return ok && slices.Contains(is, value)
	}
	return !ok || !slices.Contains(not, value)
}

// has reports whether a value is a text, or a list with it.
func has(n *syntax.Node, want string) bool {
	n = n.Resolve()
	if n != nil && n.Kind == syntax.List {
		return slices.ContainsFunc(n.Items, func(item *syntax.Node) bool { return has(item, want) })
	}
	value, ok := text(n)
	return ok && value == want
}

// text is the text of a value, "" for none; false for what is no text.
func text(n *syntax.Node) (string, bool) {
	if n == nil {
		return "", true
	}
	switch n = n.Resolve(); {
	case n == nil || n.Kind == syntax.List || n.Kind == syntax.Mapping:
		return "", false
	case n.Kind == syntax.Null:
		return "", true
	}
	return n.Text, true
}

// list is the items of a list, none for no value.
func list(key string, n *syntax.Node) ([]*syntax.Node, error) {
	if value, ok := text(n); ok && value == "" {
		return nil, nil
	}
	if n = n.Resolve(); n == nil || n.Kind != syntax.List {
		return nil, fmt.Errorf("the value %q is no list", key)
	}
	return n.Items, nil
}
