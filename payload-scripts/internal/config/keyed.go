package config

import (
	"bytes"
	"errors"
	"fmt"

	"onerpm/internal/manifest"
)

// document is a file in a format of keys and values.
type document struct {
	format string
	src    []byte
	root   *node
}

func parse(format, file string, src []byte) (document, error) {
	d := document{format: format, src: src}
	var err error
	switch format {
	case "json":
		d.root, err = parseJSON(src)
	case "yaml":
		d.root, err = parseYAML(src)
	default:
		d.root, err = parseEnv(src)
	}
	if err != nil {
		return d, &ParseError{file, err}
	}
	return d, nil
}

// mergeKeyed merges by key: it builds the tree that is wanted, then edits the
// host's text until it has it.
func mergeKeyed(in Input) (Result, error) {
	var docs [3]document
	for i, f := range []struct {
		name string
		src  []byte
	}{{"base", in.Base}, {"theirs", in.Theirs}, {"mine", in.Mine}} {
		if f.src == nil {
			continue
		}
		var err error
		if docs[i], err = parse(in.Format, f.name, f.src); err != nil {
			return Result{}, err
		}
	}
	base, theirs, mine := docs[0].root.orMapping(), docs[1].root.orMapping(), docs[2].root.orMapping()
	for _, n := range []*node{base, theirs, mine} {
		if len(in.Set) > 0 && !isMapping(n) {
			return Result{}, errors.New("set: the file is no mapping of keys")
		}
	}
	m := &merger{in: in, global: captures{}}
	m.capture(base, theirs, mine)
	want := m.merge("", base, theirs, mine)
	if want == nil {
		want = &node{kind: mapping}
	}
	want = want.clone()
	if err := m.applySet(want, mine); err != nil {
		return Result{}, err
	}
	if len(m.unknown) > 0 {
		return Result{}, &UnknownValueError{m.unknown}
	}
	r := Result{Changes: m.changes, Conflicts: m.conflicts}
	if len(r.Conflicts) > 0 {
		return r, nil
	}
	from := docs[2]
	if in.Mine == nil {
		from = docs[1] // a new file: the release's text with the values filled in
	}
	if from.root != nil && equal(from.root.orMapping(), want) {
		r.Out = bytes.Clone(from.src)
		return r, nil
	}
	out, err := edit(from, want)
	if err != nil {
		return Result{}, err
	}
	r.Out = out
	return r, nil
}

// merger walks the three trees and collects what it decides.
type merger struct {
	in        Input
	global    captures // what stands behind placeholders anywhere in the host's file
	changes   []Change
	conflicts []Conflict
	unknown   []string
}

// capture collects the host's values behind the placeholders of both releases.
func (m *merger) capture(b, t, mine *node) {
	switch {
	case mine == nil || b == nil && t == nil:
	case isMapping(b) && isMapping(t) && mine.kind == mapping:
		for _, e := range mine.keys {
			m.capture(b.get(e.key), t.get(e.key), e.val)
		}
	default:
		fromBase := b != nil && matches(b, mine, m.global)
		if t != nil && (!fromBase || !tighter(b, t)) {
			matches(t, mine, m.global)
		}
	}
}

// tighter tells whether, of two shapes that both fit a value, b says more about it
// than t: then the value is the old release's, not already the new one's.
func tighter(b, t *node) bool { return b.templated() && b.weight() > t.weight() }

func isMapping(n *node) bool { return n == nil || n.kind == mapping }

// merge returns the value that the path gets, nil for none.
func (m *merger) merge(path string, b, t, mine *node) *node {
	if _, set := m.in.Set[path]; set && path != "" {
		if mine != nil {
			return mine
		}
		return &node{kind: null} // holds the place in the order; applySet fills it
	}
	if isMapping(b) && isMapping(t) && isMapping(mine) && (mine != nil || b == nil) {
		return m.mergeMapping(path, b, t, mine)
	}
	return m.mergeWhole(path, b, t, mine)
}

func (m *merger) mergeMapping(path string, b, t, mine *node) *node {
	out := &node{kind: mapping}
	if mine != nil {
		for _, e := range mine.keys {
			if v := m.merge(join(path, e.key), b.get(e.key), t.get(e.key), e.val); v != nil {
				out.keys = append(out.keys, &entry{key: e.key, val: v})
			}
		}
	}
	if t != nil {
		for i, e := range t.keys {
			if mine.get(e.key) != nil {
				continue
			}
			if v := m.merge(join(path, e.key), b.get(e.key), e.val, nil); v != nil {
				out.insert(place(out, t, i), &entry{key: e.key, val: v})
			}
		}
	}
	if len(out.keys) == 0 && t == nil && path != "" && (b != nil || mine == nil) {
		return nil
	}
	return out
}

// place returns where in out the i-th key of t belongs: behind the nearest key
// before it that is there, else before the nearest behind it, else at the end.
func place(out, t *node, i int) int {
	at := func(key string) int {
		if out.find(key) == nil {
			return -1
		}
		for k, e := range out.keys {
			if e.key == key {
				return k
			}
		}
		return -1
	}
	for k := i - 1; k >= 0; k-- {
		if p := at(t.keys[k].key); p >= 0 {
			return p + 1
		}
	}
	for k := i + 1; k < len(t.keys); k++ {
		if p := at(t.keys[k].key); p >= 0 {
			return p
		}
	}
	return len(out.keys)
}

// mergeWhole decides about a value that is not taken apart.
func (m *merger) mergeWhole(path string, b, t, mine *node) *node {
	local := captures{}
	switch {
	case mine == nil && b == nil: // new
		return m.take(path, t, nil, local, "release")
	case t == nil && b == nil: // the admin's own
		m.note(path, Kept, "admin", mine, mine)
		return mine
	case mine == nil && (t == nil || same(b, t)): // the admin took it away, the release did nothing or the same
		if t != nil {
			m.note(path, Kept, "admin", nil, nil)
		}
		return nil
	case t != nil && mine != nil && matches(t, mine, captures{}) &&
		(b == nil || !tighter(b, t) || !matches(b, mine, captures{})): // it is so already, or a placeholder
		return mine
	case b != nil && mine != nil && matches(b, mine, local): // not touched by the admin
		return m.take(path, t, mine, local, "release")
	case b != nil && t != nil && same(b, t): // not touched by the release
		m.note(path, Kept, "admin", mine, mine)
		return mine
	}
	return m.conflict(path, b, t, mine)
}

func (m *merger) conflict(path string, b, t, mine *node) *node {
	switch side, decided := policyFor(m.in.Policy, path); {
	case !decided:
		m.conflicts = append(m.conflicts, Conflict{path, show(path, b), show(path, t), show(path, mine)})
		return mine
	case side == manifest.New:
		return m.take(path, t, mine, captures{}, "policy")
	}
	m.note(path, Kept, "policy", mine, mine)
	return mine
}

// take returns the release's value with the host's values put in.
func (m *merger) take(path string, t, mine *node, local captures, by string) *node {
	if t == nil {
		m.note(path, Removed, by, mine, nil)
		return nil
	}
	v := m.fill(path, t, local)
	kind := Changed
	if mine == nil {
		kind = Added
	}
	m.note(path, kind, by, mine, v)
	return v
}

// fill returns t with every placeholder replaced by the host's value: the one
// at the same key first, then the one that stands behind that name elsewhere.
func (m *merger) fill(path string, t *node, local captures) *node {
	value := func(name string) (*node, bool) {
		if v, ok := local.get(name); ok {
			return v, true
		}
		return m.global.get(name)
	}
	out := *t
	out.index = nil
	switch t.kind {
	case str:
		if !hasPlaceholder(t.text) {
			break
		}
		tmpl := parseTemplate(t.text)
		if tmpl.whole() {
			if v, ok := value(tmpl.names[0]); ok {
				return v
			}
		}
		text, missing := tmpl.fill(func(name string) (string, bool) {
			v, ok := value(name)
			if !ok || v.kind == list || v.kind == mapping || v.kind == null {
				return "", false
			}
			return v.text, true
		})
		for _, name := range missing {
			m.unknown = append(m.unknown, fmt.Sprintf("%s <<%s>>", path, name))
		}
		out.text = text
	case list:
		out.items = make([]*node, len(t.items))
		for i, v := range t.items {
			out.items[i] = m.fill(path, v, local)
		}
	case mapping:
		out.keys = make([]*entry, len(t.keys))
		for i, e := range t.keys {
			out.keys[i] = &entry{key: e.key, val: m.fill(join(path, e.key), e.val, local)}
		}
	}
	return &out
}

func (m *merger) note(path string, k Kind, by string, from, to *node) {
	c := Change{Key: path, Kind: k, By: by}
	if from != nil {
		c.From = show(path, from)
	}
	if to != nil {
		c.To = show(path, to)
	}
	m.changes = append(m.changes, c)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// policyFor looks a key up, then the keys it lies under, then "*".
func policyFor(policy map[string]manifest.Side, path string) (manifest.Side, bool) {
	for p := path; p != ""; {
		if s, ok := policy[p]; ok {
			return s, true
		}
		i := len(p) - 1
		for i >= 0 && p[i] != '.' {
			i--
		}
		p = p[:max(i, 0)]
	}
	s, ok := policy["*"]
	return s, ok
}
