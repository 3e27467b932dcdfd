// Package tomlsyntax reads TOML files, and writes their keys and values.
package tomlsyntax

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"onerpm/internal/hostconf/syntax"
)

// Parse reads a file with the bytes that each part takes. The grammar of lines and values is the library's; which tables and keys may
// stand beside one another, and where values end, is found here. A mapping is in Flow style when it stands in braces, Dotted when
// keys with a dot in them make it, otherwise Block; so is a list when it is an array of tables. Dates stay as they are written, and numbers but for underscores and a plus.
func Parse(src []byte) (n *syntax.Node, err error) {
	text := string(src)
	from := syntax.BOM(text)
	r := reader{text: text, from: from, root: &syntax.Node{Kind: syntax.Mapping, Style: syntax.Block, Start: from, End: from, Body: from}, keys: map[*syntax.Node]map[string]*syntax.Entry{}}
	defer func() { // positions are taken from what the library says of itself
		if p := recover(); p != nil {
			n, err = nil, &syntax.Error{What: fmt.Sprintf("the parser gave up: %v", p)}
		}
	}()
	r.table = r.root
	r.p.Reset(bytes.Clone(src[from:]))
	for r.p.NextExpression() {
		if err := r.expression(r.p.Expression()); err != nil {
			return nil, err
		}
	}
	if err := r.p.Error(); err != nil {
		return nil, r.error(err)
	}
	return r.root, nil
}

// error keeps the library's message and place; it quotes single signs of the file at most.
func (r *reader) error(err error) error {
	at := (*unstable.ParserError)(nil)
	if !errors.As(err, &at) {
		return &syntax.Error{What: "it is no TOML"}
	}
	return syntax.ErrorAt(r.text, r.from+int(r.p.Range(at.Highlight).Offset), "%s", at.Message)
}

type reader struct {
	text string
	from int // behind a byte order mark
	p    unstable.Parser
	root *syntax.Node
	keys map[*syntax.Node]map[string]*syntax.Entry // of each mapping

	table *syntax.Node    // that the lines are in
	path  []*syntax.Entry // that leads to it
}

func (r *reader) span(raw unstable.Range) (start, end int) {
	return r.from + int(raw.Offset), r.from + int(raw.Offset+raw.Length)
}

// part is one of the keys that dots join.
type part struct {
	name       string
	start, end int
}

func (r *reader) parts(it unstable.Iterator) []part {
	var out []part
	for it.Next() {
		start, end := r.span(it.Node().Raw)
		out = append(out, part{string(it.Node().Data), start, end})
	}
	return out
}

// lines are those between two bytes, from the first one's start to the last one's line break.
func (r *reader) lines(start, end int) [2]int {
	return [2]int{max(r.from, strings.LastIndexByte(r.text[:start], '\n')+1), syntax.NextLine(r.text, syntax.LineEnd(r.text, end))}
}

func (r *reader) expression(x *unstable.Node) error {
	switch x.Kind {
	case unstable.Table, unstable.ArrayTable:
		return r.header(r.parts(x.Key()), x.Kind == unstable.ArrayTable)
	case unstable.KeyValue:
		start, end := r.span(x.Raw)
		l := r.lines(start, end)
		for _, e := range r.path {
			takes(e, l)
		}
		r.table.Body = l[1]
		return r.keyValue(r.table, x, &l, len(r.path))
	}
	return nil
}

func (r *reader) find(n *syntax.Node, key string) *syntax.Entry { return r.keys[n][key] }

func (r *reader) add(n *syntax.Node, e *syntax.Entry) *syntax.Entry {
	if r.keys[n] == nil {
		r.keys[n] = map[string]*syntax.Entry{}
	}
	r.keys[n][e.Key] = e
	n.Keys = append(n.Keys, e)
	return e
}

func (r *reader) twice(p part) error {
	return syntax.ErrorAt(r.text, p.start, "the key %q stands twice, or as a value and as a table", p.name)
}

// takes adds lines to those of a table. Those right behind one another are one, but for what keys with dots make: where its first one
// ends, another may be put in.
func takes(e *syntax.Entry, l [2]int) {
	if n := len(e.Lines); n > 0 && e.Lines[n-1][1] == l[0] && e.Value.Style != syntax.Dotted {
		e.Lines[n-1][1] = l[1]
		return
	}
	e.Lines = append(e.Lines, l)
}

// header reads [a.b] or, of an array of tables, [[a.b]].
func (r *reader) header(parts []part, array bool) error {
	if len(parts) > syntax.MaxDepth {
		return syntax.ErrorAt(r.text, parts[0].start, "nested deeper than %d", syntax.MaxDepth)
	}
	l := r.lines(parts[0].start, parts[len(parts)-1].end)
	r.table, r.path = r.root, nil
	for i, p := range parts {
		last := i == len(parts)-1
		e := r.find(r.table, p.name)
		if e == nil {
			e = r.add(r.table, &syntax.Entry{Key: p.name, Start: p.start, End: p.end, Value: &syntax.Node{Kind: syntax.Mapping, Style: syntax.Block}})
			e.Value.Section = r.text[parts[0].start:p.end]
			if last && array {
				e.Value = &syntax.Node{Kind: syntax.List, Style: syntax.Block, Section: e.Value.Section, Start: l[0], End: l[1]}
			}
		}
		takes(e, l)
		r.path = append(r.path, e)
		n := e.Value
		switch {
		case n.Kind == syntax.List && n.Style == syntax.Block && (!last || array):
			if last {
				n.Items = append(n.Items, &syntax.Node{Kind: syntax.Mapping, Style: syntax.Block, Section: n.Section, Start: l[0], End: l[1]})
			}
			n = n.Items[len(n.Items)-1]
		case n.Kind != syntax.Mapping || n.Style == syntax.Flow, last && (array || n.Style == syntax.Dotted || n.End > 0):
			return r.twice(p)
		case last:
			n.Start, n.End, n.Body = l[0], l[1], l[1]
		}
		r.table = n
	}
	return nil
}

// keyValue reads a key, which may have dots in it, with its value into a mapping; l are its lines, nil within braces.
func (r *reader) keyValue(into *syntax.Node, x *unstable.Node, l *[2]int, depth int) error {
	parts := r.parts(x.Key())
	if depth += len(parts); depth > syntax.MaxDepth {
		return syntax.ErrorAt(r.text, parts[0].start, "nested deeper than %d", syntax.MaxDepth)
	}
	put := func(e *syntax.Entry) {
		if l != nil {
			e.Lines = append(e.Lines, *l)
		}
	}
	for i, p := range parts[:len(parts)-1] {
		e := r.find(into, p.name)
		if e == nil {
			e = r.add(into, &syntax.Entry{Key: p.name, Start: p.start, End: p.end, Value: &syntax.Node{Kind: syntax.Mapping, Style: syntax.Dotted, Section: r.text[parts[0].start:parts[i+1].start]}})
		}
		if e.Value.Kind != syntax.Mapping || e.Value.Style != syntax.Dotted {
			return r.twice(p)
		}
		put(e)
		into = e.Value
	}
	p := parts[len(parts)-1]
	if r.find(into, p.name) != nil {
		return r.twice(p)
	}
	colon := p.end + strings.IndexByte(r.text[p.end:], '=') + 1 // blanks alone stand before it
	start := colon + len(r.text[colon:]) - len(strings.TrimLeft(r.text[colon:], " \t"))
	_, end := r.span(x.Raw)
	v, err := r.value(x.Value(), depth)
	if err != nil {
		return err
	}
	v.Start, v.End, v.Raw, v.Sep = start, end, r.text[start:end], r.text[p.end:start]
	put(r.add(into, &syntax.Entry{Key: p.name, Start: p.start, End: p.end, Colon: colon, Value: v}))
	return nil
}

// value reads a value; what it is written as, its caller knows.
func (r *reader) value(x *unstable.Node, depth int) (*syntax.Node, error) {
	switch x.Kind {
	case unstable.String:
		return r.string(x)
	case unstable.Bool:
		return &syntax.Node{Kind: syntax.Bool, Text: string(x.Data)}, nil
	case unstable.Integer, unstable.Float:
		// 1_000 and +1000 are 1000.
		return &syntax.Node{Kind: syntax.Number, Text: strings.TrimPrefix(strings.ReplaceAll(string(x.Data), "_", ""), "+")}, nil
	case unstable.LocalDate, unstable.LocalTime, unstable.LocalDateTime, unstable.DateTime:
		return &syntax.Node{Kind: syntax.Time, Text: string(x.Data)}, nil
	case unstable.Array, unstable.InlineTable:
	default:
		return nil, &syntax.Error{What: fmt.Sprintf("%s is not supported", strings.ToLower(x.Kind.String()))}
	}
	if depth > syntax.MaxDepth {
		return nil, &syntax.Error{What: fmt.Sprintf("nested deeper than %d", syntax.MaxDepth)}
	}
	n := &syntax.Node{Kind: syntax.List, Style: syntax.Flow}
	if x.Kind == unstable.InlineTable {
		n.Kind = syntax.Mapping
	}
	for it := x.Children(); it.Next(); {
		c := it.Node()
		if n.Kind == syntax.Mapping {
			if err := r.keyValue(n, c, nil, depth); err != nil {
				return nil, err
			}
			continue
		}
		item, err := r.value(c, depth+1)
		if err != nil {
			return nil, err
		}
		n.Items = append(n.Items, item)
	}
	return n, nil
}

func (r *reader) string(x *unstable.Node) (*syntax.Node, error) {
	n := &syntax.Node{Kind: syntax.String, Text: string(x.Data), Style: syntax.Double}
	start, end := r.span(x.Raw)
	raw := r.text[start:end]
	switch {
	case strings.HasPrefix(raw, `"""`), strings.HasPrefix(raw, `'''`):
		n.Style = syntax.Block
	case raw[0] == '\'':
		n.Style = syntax.Single
	}
	if strings.Contains(raw, "\r\n") { // a line break is a plain one, however the file's lines end
		again, err := Parse([]byte("k = " + strings.ReplaceAll(raw, "\r\n", "\n")))
		if err != nil {
			return nil, err
		}
		n.Text = again.Keys[0].Value.Text
	}
	return n, nil
}
