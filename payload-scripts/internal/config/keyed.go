package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"onerpm/internal/hostconf"
	"onerpm/internal/hostconf/envsyntax"
	"onerpm/internal/hostconf/placeholder"
	"onerpm/internal/hostconf/shown"
	"onerpm/internal/hostconf/syntax"
	"onerpm/internal/manifest"
	"onerpm/internal/redact"
)

func parse(format, file string, src []byte) (*hostconf.Document, error) {
	d, err := hostconf.Parse(format, src)
	if err != nil {
		return nil, &ParseError{file, err}
	}
	return d, nil
}

// mergeKeyed merges by key: it builds the tree that is wanted, then edits the
// host's text until it has it.
func mergeKeyed(in Input) (Result, error) {
	var docs [3]*hostconf.Document
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
	base, theirs, mine := root(docs[0]), root(docs[1]), root(docs[2])
	for _, n := range []*syntax.Node{base, theirs, mine} {
		if len(in.Set) > 0 && !isMapping(n) {
			return Result{}, errors.New("set: the file is no mapping of keys")
		}
	}
	m := &merger{in: in, global: captures{}, secret: map[string]bool{}}
	m.capture(base, theirs, mine)
	want := m.merge("", base, theirs, mine)
	if want == nil {
		want = &syntax.Node{Kind: syntax.Mapping}
	}
	want = want.Clone()
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
	if syntax.Equal(root(from), want) {
		r.Out = bytes.Clone(from.Source())
		return r, nil
	}
	out, err := from.Edit(want)
	if err != nil {
		return Result{}, &FormError{err}
	}
	r.Out = out
	return r, nil
}

// root is what a file holds, nil for one that is not there.
func root(d *hostconf.Document) *syntax.Node {
	if d == nil {
		return nil
	}
	return d.Root.OrMapping()
}

// merger walks the three trees and collects what it decides.
type merger struct {
	in        Input
	global    captures        // what stands behind placeholders anywhere in the host's file
	secret    map[string]bool // paths whose value a placeholder's name tells to be a secret
	changes   []Change
	conflicts []Conflict
	unknown   []string
}

// capture collects the host's values behind the placeholders of both releases.
func (m *merger) capture(b, t, mine *syntax.Node) {
	switch {
	case mine == nil || b == nil && t == nil:
	case isMapping(b) && isMapping(t) && mine.Kind == syntax.Mapping:
		for _, e := range mine.Keys {
			m.capture(b.Get(e.Key), t.Get(e.Key), e.Value)
		}
	default:
		fromBase := b != nil && matches(b, mine, m.global)
		if t != nil && (!fromBase || !moreSpecific(b, t)) {
			matches(t, mine, m.global)
		}
	}
}

// moreSpecific reports whether, of two shapes that both fit a value, b says more about it
// than t: then the value is the old release's, not already the new one's.
func moreSpecific(b, t *syntax.Node) bool { return templated(b) && weight(b) > weight(t) }

func isMapping(n *syntax.Node) bool { return n == nil || n.Kind == syntax.Mapping }

// merge returns the value that the path gets, nil for none.
func (m *merger) merge(path string, b, t, mine *syntax.Node) *syntax.Node {
	if _, set := m.in.Set[path]; set && path != "" {
		if mine != nil {
			return mine
		}
		return &syntax.Node{Kind: syntax.Null} // holds the place in the order; applySet fills it
	}
	if isMapping(b) && isMapping(t) && isMapping(mine) && (mine != nil || b == nil) {
		return m.mergeMapping(path, b, t, mine)
	}
	return m.mergeWhole(path, b, t, mine)
}

func (m *merger) mergeMapping(path string, b, t, mine *syntax.Node) *syntax.Node {
	out := &syntax.Node{Kind: syntax.Mapping}
	if mine != nil {
		out.Style = mine.Style
		for _, e := range mine.Keys {
			if v := m.merge(syntax.Join(path, e.Key), b.Get(e.Key), t.Get(e.Key), e.Value); v != nil {
				out.Keys = append(out.Keys, &syntax.Entry{Key: e.Key, Value: v})
			}
		}
	}
	if t != nil {
		if mine == nil {
			out.Style = t.Style
		}
		for i, e := range t.Keys {
			if mine.Get(e.Key) != nil {
				continue
			}
			inherited := mine.Inherited(e.Key) // a YAML merge key brings it already
			v := m.merge(syntax.Join(path, e.Key), b.Get(e.Key), e.Value, inherited)
			if v != nil && (inherited == nil || !syntax.Equal(v, inherited)) {
				out.Insert(place(out, t, i), &syntax.Entry{Key: keyOf(e, v), Value: v})
			}
		}
	}
	if len(out.Keys) == 0 && t == nil && path != "" && (b != nil || mine == nil) {
		return nil
	}
	return out
}

// keyOf is the key of a value that takes e's place: a line is its own key.
func keyOf(e *syntax.Entry, v *syntax.Node) string {
	if v.Kind == syntax.Line && v.Text != e.Value.Text {
		return envsyntax.LineKey(v.Text, 1)
	}
	return e.Key
}

// place returns where in out the i-th key of t belongs: behind the nearest key
// before it that is there, else before the nearest behind it, else at the end.
func place(out, t *syntax.Node, i int) int {
	at := func(key string) int {
		if out.Find(key) == nil {
			return -1
		}
		for k, e := range out.Keys {
			if e.Key == key {
				return k
			}
		}
		return -1
	}
	for k := i - 1; k >= 0; k-- {
		if p := at(t.Keys[k].Key); p >= 0 {
			return p + 1
		}
	}
	for k := i + 1; k < len(t.Keys); k++ {
		if p := at(t.Keys[k].Key); p >= 0 {
			return p
		}
	}
	return len(out.Keys)
}

// mergeWhole decides about a value that is not taken apart.
func (m *merger) mergeWhole(path string, b, t, mine *syntax.Node) *syntax.Node {
	local := captures{}
	if namesSecret(b) || namesSecret(t) {
		m.secret[path] = true
	}
	switch {
	case isLine(b) || isLine(t) || isLine(mine):
		return m.mergeLine(b, t, mine)
	case mine == nil && b == nil: // new
		return m.withHostValues(path, t, nil, local, ByRelease)
	case t == nil && b == nil: // the admin's own
		m.note(path, Kept, ByAdmin, mine, mine)
		return mine
	case mine == nil && (t == nil || syntax.Same(b, t)): // the admin took it away, the release did nothing or the same
		if t != nil {
			m.note(path, Kept, ByAdmin, nil, nil)
		}
		return nil
	case t != nil && mine != nil && matches(t, mine, captures{}) &&
		(b == nil || !moreSpecific(b, t) || !matches(b, mine, captures{})): // it is so already, or a placeholder
		return mine
	case b != nil && mine != nil && matches(b, mine, local): // not touched by the admin
		return m.withHostValues(path, t, mine, local, ByRelease)
	case t == nil && mine != nil && m.copied(path): // the new release has it under another key
		return m.withHostValues(path, nil, mine, local, ByRelease)
	case b != nil && t != nil && syntax.Same(b, t): // not touched by the release
		m.note(path, Kept, ByAdmin, mine, mine)
		return mine
	}
	return m.conflict(path, b, t, mine)
}

// copied reports whether a set gives another key the host's value of this one.
func (m *merger) copied(path string) bool {
	for key, v := range m.in.Set {
		if v.Copy == path && key != path {
			return true
		}
	}
	return false
}

func isLine(n *syntax.Node) bool { return n != nil && n.Kind == syntax.Line }

// OtherLines is the key of a conflict or change about lines of an env file that are no
// KEY=value: what they do is not known, so nothing is put in or taken away unasked.
const OtherLines = "lines that are no KEY=value"

// mergeLine decides about such a line.
func (m *merger) mergeLine(b, t, mine *syntax.Node) *syntax.Node {
	switch {
	case t != nil && mine != nil, t == nil && b == nil: // it is there, or the admin's own
		return mine
	case t == nil && mine == nil:
		return nil
	case t != nil && b != nil: // the admin took it away
		m.note(OtherLines, Kept, ByAdmin, nil, nil)
		return nil
	case m.in.Mine == nil: // the file is new
		return m.withHostValues(OtherLines, t, nil, captures{}, ByRelease)
	}
	return m.conflict(OtherLines, b, t, mine)
}

func (m *merger) conflict(path string, b, t, mine *syntax.Node) *syntax.Node {
	side, by := m.in.decision(path)
	switch {
	case by == "":
		m.conflicts = append(m.conflicts, Conflict{path, m.show(path, b), m.show(path, t), m.show(path, mine)})
		return mine
	case side == manifest.New:
		return m.withHostValues(path, t, mine, captures{}, by)
	}
	m.note(path, Kept, by, mine, mine)
	return mine
}

// withHostValues returns the release's value with the host's values put in.
func (m *merger) withHostValues(path string, t, mine *syntax.Node, local captures, by string) *syntax.Node {
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
func (m *merger) fill(path string, t *syntax.Node, local captures) *syntax.Node {
	value := func(name string) (*syntax.Node, bool) {
		if v, ok := local.get(name); ok {
			return v, true
		}
		return m.global.get(name)
	}
	out := t.Clone()
	switch t.Kind {
	case syntax.String, syntax.Line:
		if !placeholder.In(t.Text) {
			break
		}
		tmpl := placeholder.Parse(t.Text)
		if tmpl.Whole() {
			if v, ok := value(tmpl.Names[0]); ok {
				out = v.Clone()
				out.Exported = t.Exported // the release says it of its key
				return out
			}
		}
		text, missing := tmpl.Fill(func(name string) (string, bool) {
			v, ok := value(name)
			if !ok || v.Kind == syntax.List || v.Kind == syntax.Mapping || v.Kind == syntax.Null {
				return "", false
			}
			return v.Text, true
		})
		for _, name := range missing {
			m.unknown = append(m.unknown, fmt.Sprintf("%s <<%s>>", path, name))
		}
		out.Text = text
	case syntax.List:
		out.Items = make([]*syntax.Node, len(t.Items))
		for i, v := range t.Items {
			out.Items[i] = m.fill(path, v, local)
		}
	case syntax.Mapping:
		out.Keys = make([]*syntax.Entry, len(t.Keys))
		for i, e := range t.Keys {
			out.Keys[i] = &syntax.Entry{Key: e.Key, Value: m.fill(syntax.Join(path, e.Key), e.Value, local)}
		}
	}
	return out
}

// show is shown.Value for a path that may be known to be a secret's.
func (m *merger) show(path string, n *syntax.Node) string {
	if n != nil && m.secret[path] {
		return redact.Hidden
	}
	return shown.Value(path, n)
}

// namesSecret reports whether a placeholder in n has the name of a secret.
func namesSecret(n *syntax.Node) bool {
	return n != nil && n.Kind == syntax.String && slices.ContainsFunc(placeholder.Parse(n.Text).Names, redact.Key)
}

func (m *merger) note(path string, k Kind, by string, from, to *syntax.Node) {
	c := Change{Key: path, Kind: k, By: by}
	if from != nil {
		c.From = m.show(path, from)
	}
	if to != nil {
		c.To = m.show(path, to)
	}
	m.changes = append(m.changes, c)
}

// Lookup finds what was decided about a key: under its own name, then under those of the keys it lies under, then
// under "*".
func Lookup[T any](decided map[string]T, key string) (T, bool) {
	for k := key; k != ""; {
		if d, ok := decided[k]; ok {
			return d, true
		}
		k = k[:max(strings.LastIndexByte(k, '.'), 0)]
	}
	d, ok := decided["*"]
	return d, ok
}
