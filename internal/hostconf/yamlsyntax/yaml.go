// Package yamlsyntax reads YAML files.
package yamlsyntax

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"onerpm/internal/hostconf/syntax"
)

// Parse reads one YAML document with the bytes that each part takes. The
// grammar is the library's; the ends of values, which it does not tell, are
// found here and checked against what it read. Keys that are no plain values are not supported.
func Parse(src []byte) (n *syntax.Node, err error) {
	if err := nesting(src); err != nil {
		return nil, err
	}
	defer func() { // the library panics on some broken files
		if r := recover(); r != nil {
			n, err = nil, &syntax.Error{What: fmt.Sprintf("the parser gave up: %v", r)}
		}
	}()
	y := &reader{text: string(src), anchors: map[string]*syntax.Node{}, tags: map[int]int{}, digests: map[*syntax.Node]string{}}
	y.lines = append(y.lines, syntax.BOM(y.text))
	for i, c := range src {
		switch {
		case c == '\n':
			y.lines = append(y.lines, i+1)
		case c == '\r' && (i+1 == len(src) || src[i+1] != '\n'):
			return nil, syntax.ErrorAt(y.text, i, "a carriage return within a line is not supported")
		}
	}
	// The library counts a line that ends in a comment and \r\n twice.
	file, err := parser.ParseBytes([]byte(unix(y.text[syntax.BOM(y.text):])), 0)
	if err != nil {
		return nil, yamlError(err)
	}
	var body ast.Node
	for _, d := range file.Docs {
		if d.Body == nil || d.Body.Type() == ast.DirectiveType {
			continue
		}
		if _, comment := d.Body.(*ast.CommentGroupNode); comment {
			continue
		}
		if body != nil {
			return nil, y.wrong(d.Body, "a second document starts here; one is supported")
		}
		body = d.Body
	}
	if body == nil {
		return &syntax.Node{Kind: syntax.Null, Start: len(src), End: len(src)}, nil
	}
	return y.node(body, 0, 0)
}

// unix returns a text with plain line breaks.
func unix(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// quoted is what a message quotes of a file, but for a single sign.
var quoted = regexp.MustCompile(`"(\\.|[^"\\]){2,}"`)

// yamlError keeps the library's message and place: its whole text quotes the file,
// which may hold secrets.
func yamlError(err error) error {
	out := &syntax.Error{What: "it is no YAML"}
	if mistake := yaml.Error(nil); errors.As(err, &mistake) {
		out.What = strings.ToValidUTF8(mistake.GetMessage(), "?")
		if !strings.HasPrefix(out.What, "mapping key ") {
			out.What = quoted.ReplaceAllString(out.What, "(a part of the value)")
		}
		if tk := mistake.GetToken(); tk != nil && tk.Position != nil {
			out.Line, out.Column = max(tk.Position.Line, 1), max(tk.Position.Column, 1)
		}
	}
	return out
}

// nesting refuses files that would make a recursive parser use up the stack.
func nesting(src []byte) error {
	depth := 0
	for _, line := range bytes.Split(src, []byte("\n")) {
		marks, indent, leading := 0, 0, true
		for _, c := range line {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			}
			switch {
			case leading && c == ' ':
				indent++
			case leading && strings.IndexByte("-?&*!:\t", c) >= 0:
				marks++
			default:
				leading = false
			}
		}
		if depth > 2*syntax.MaxDepth || marks > syntax.MaxDepth && len(bytes.Trim(line, "- \t\r")) > 0 || indent > 20*syntax.MaxDepth {
			return &syntax.Error{What: fmt.Sprintf("nested deeper than %d", syntax.MaxDepth)}
		}
	}
	return nil
}

// reader turns the tree of the library into nodes.
type reader struct {
	text      string
	lines     []int                           // where each line starts
	anchors   map[string]*syntax.Node         // those that were read, by name
	digests   map[*syntax.Node]string         // of what references stand for
	inherited int                             // keys that merge keys brought
	last      struct{ line, column, pos int } // where at ended: a long line is not counted through again for each of its values
	tags      map[int]int                     // tags that were read, by line: the library's columns are one short behind each
}

// wrong is a mistake at a node.
func (y *reader) wrong(n ast.Node, format string, a ...any) error {
	p := n.GetToken().Position
	return &syntax.Error{Line: max(p.Line, 1), Column: max(p.Column, 1), What: fmt.Sprintf(format, a...)}
}

func (y *reader) unsupported(n ast.Node) error {
	return y.wrong(n, "the form of this value is not supported")
}

// at returns the byte that a token's line and column (in characters) name.
func (y *reader) at(n ast.Node) (int, error) {
	p := n.GetToken().Position
	if p.Line < 1 || p.Line > len(y.lines) || p.Column < 1 {
		return 0, y.unsupported(n)
	}
	pos, i, column := y.lines[p.Line-1], 1, p.Column+y.tags[p.Line]
	if y.last.line == p.Line && y.last.column <= column {
		pos, i = y.last.pos, y.last.column
	}
	for ; i < column; i++ {
		if pos >= len(y.text) {
			return 0, y.unsupported(n)
		}
		_, size := utf8.DecodeRuneInString(y.text[pos:])
		pos += size
	}
	y.last.line, y.last.column, y.last.pos = p.Line, column, pos
	return pos, nil
}

// node reads one value; indent is the column of the key it belongs to, counted
// from 0, and matters for literal strings only.
func (y *reader) node(n ast.Node, indent, depth int) (*syntax.Node, error) {
	if depth > syntax.MaxDepth {
		return nil, y.wrong(n, "nested deeper than %d", syntax.MaxDepth)
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return y.mapping(n, depth)
	case *ast.MappingValueNode:
		return y.mapping(ast.Mapping(n.Start, false, n), depth)
	case *ast.SequenceNode:
		return y.sequence(n, depth)
	case *ast.StringNode:
		return y.scalar(n, syntax.String, n.Value)
	case *ast.LiteralNode:
		return y.literal(n, indent)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return y.scalar(n, syntax.Number, n.GetToken().Value)
	case *ast.BoolNode:
		return y.scalar(n, syntax.Bool, strings.ToLower(n.GetToken().Value))
	case *ast.NullNode:
		return y.null(n)
	case *ast.AnchorNode:
		return y.anchor(n, indent, depth)
	case *ast.AliasNode:
		return y.alias(n)
	case *ast.TagNode:
		return y.tag(n, indent, depth)
	}
	return nil, y.wrong(n, "%s is not supported", strings.ToLower(n.Type().String()))
}

func (y *reader) mapping(n *ast.MappingNode, depth int) (*syntax.Node, error) {
	out := &syntax.Node{Kind: syntax.Mapping, Style: syntax.Block}
	if n.IsFlowStyle {
		out.Style = syntax.Flow
		start, err := y.bracket(n, '{')
		if err != nil {
			return nil, err
		}
		out.Start, out.End = start, start+1
	}
	seen := make(map[string]bool, len(n.Values))
	for i, v := range n.Values {
		k, err := y.entry(v, depth)
		if err != nil {
			return nil, err
		}
		if seen[k.Key] {
			return nil, y.wrong(v.Key, "the key %q stands twice", k.Key)
		}
		seen[k.Key] = true
		if _, merge := v.Key.(*ast.MergeKeyNode); merge {
			if err := y.inherit(out, v, k.Value); err != nil {
				return nil, err
			}
		}
		out.Keys = append(out.Keys, k)
		if i == 0 && !n.IsFlowStyle {
			out.Start = k.Start
		}
		out.End = max(out.End, k.Value.End, k.Colon)
	}
	if n.IsFlowStyle {
		end, err := y.closer(out.End, '}')
		if err != nil {
			return nil, err
		}
		out.End = end
	}
	return out, nil
}

func (y *reader) entry(v *ast.MappingValueNode, depth int) (*syntax.Entry, error) {
	var text string
	switch key := v.Key.(type) {
	case *ast.StringNode:
		text = key.Value
	case *ast.IntegerNode, *ast.BoolNode, *ast.FloatNode, *ast.MergeKeyNode:
		text = v.Key.GetToken().Value
	default:
		return nil, y.wrong(v.Key, "a key of the kind %s is not supported", strings.ToLower(v.Key.Type().String()))
	}
	name, err := y.scalar(v.Key, syntax.String, text)
	if err != nil {
		return nil, err
	}
	k := &syntax.Entry{Key: text, Start: name.Start, End: name.End, Colon: name.End}
	k.Colon += len(y.text[k.End:]) - len(strings.TrimLeft(y.text[k.End:], " \t"))
	if k.Colon >= len(y.text) || y.text[k.Colon] != ':' {
		if v.Value.Type() == ast.NullType && y.within(k.End) {
			return nil, y.wrong(v.Key, "the key %q has no colon", text)
		}
		return nil, y.wrong(v.Key, "the form of the key %q is not supported", text)
	}
	k.Colon++
	indent := v.Key.GetToken().Position.Column - 1
	if k.Value, err = y.node(v.Value, indent, depth+1); err != nil {
		return nil, err
	}
	if k.Value.Kind == syntax.Null && k.Value.Start == k.Value.End {
		k.Value.Start, k.Value.End = k.Colon, k.Colon
	}
	if k.Value.Start < k.Colon {
		return nil, y.wrong(v.Key, "the form of the value of %q is not supported", text)
	}
	return k, nil
}

func (y *reader) within(pos int) bool {
	rest := strings.TrimLeft(y.text[pos:], " \t\r\n")
	return rest != "" && (rest[0] == ',' || rest[0] == '}')
}

func (y *reader) sequence(n *ast.SequenceNode, depth int) (*syntax.Node, error) {
	out := &syntax.Node{Kind: syntax.List, Style: syntax.Block}
	start, err := y.bracket(n, map[bool]byte{true: '[', false: '-'}[n.IsFlowStyle])
	if err != nil {
		return nil, err
	}
	out.Start, out.End = start, start+1
	if n.IsFlowStyle {
		out.Style = syntax.Flow
	}
	for _, v := range n.Values {
		item, err := y.node(v, n.Start.Position.Column-1, depth+1)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, item)
		out.End = max(out.End, item.End)
	}
	if n.IsFlowStyle {
		if out.End, err = y.closer(out.End, ']'); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// bracket returns where a list or mapping starts, and checks that it does.
func (y *reader) bracket(n ast.Node, want byte) (int, error) {
	pos, err := y.at(n)
	if err == nil && (pos >= len(y.text) || y.text[pos] != want) {
		err = y.unsupported(n)
	}
	return pos, err
}

// closer returns the position behind the bracket that closes what ends at pos
// but for commas, blanks and comments.
func (y *reader) closer(pos int, want byte) (int, error) {
	for ; pos < len(y.text); pos++ {
		switch c := y.text[pos]; {
		case c == want:
			return pos + 1, nil
		case c == '#':
			pos = syntax.LineEnd(y.text, pos) - 1
		case strings.IndexByte(", \t\r\n", c) < 0:
			return 0, syntax.ErrorAt(y.text, pos, "the form of this value is not supported")
		}
	}
	return 0, syntax.ErrorAt(y.text, pos, "a bracket that is not closed")
}
