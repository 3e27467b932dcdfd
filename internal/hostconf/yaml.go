package hostconf

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
)

// parseYAML reads one YAML document with the bytes that each part takes. The
// grammar is the library's; the ends of values, which it does not tell, are
// found here and checked against what it read. Keys that are no plain values are not supported.
func parseYAML(src []byte) (n *Node, err error) {
	if err := nesting(src); err != nil {
		return nil, err
	}
	defer func() { // the library panics on some broken files
		if r := recover(); r != nil {
			n, err = nil, &SyntaxError{What: fmt.Sprintf("the parser gave up: %v", r)}
		}
	}()
	y := &yamlReader{text: string(src), anchors: map[string]*Node{}, tags: map[int]int{}, digests: map[*Node]string{}}
	y.lines = append(y.lines, bom(y.text))
	for i, c := range src {
		switch {
		case c == '\n':
			y.lines = append(y.lines, i+1)
		case c == '\r' && (i+1 == len(src) || src[i+1] != '\n'):
			return nil, syntaxAt(y.text, i, "a carriage return within a line is not supported")
		}
	}
	// The library counts a line that ends in a comment and \r\n twice.
	file, err := parser.ParseBytes([]byte(unix(y.text[bom(y.text):])), 0)
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
		return &Node{Kind: Null, start: len(src), end: len(src)}, nil
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
	out := &SyntaxError{What: "it is no YAML"}
	if syntax := yaml.Error(nil); errors.As(err, &syntax) {
		out.What = strings.ToValidUTF8(syntax.GetMessage(), "?")
		if !strings.HasPrefix(out.What, "mapping key ") {
			out.What = quoted.ReplaceAllString(out.What, "(a part of the value)")
		}
		if tk := syntax.GetToken(); tk != nil && tk.Position != nil {
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
		if depth > 2*maxDepth || marks > maxDepth && len(bytes.Trim(line, "- \t\r")) > 0 || indent > 20*maxDepth {
			return &SyntaxError{What: fmt.Sprintf("nested deeper than %d", maxDepth)}
		}
	}
	return nil
}

type yamlReader struct {
	text      string
	lines     []int                           // where each line starts
	anchors   map[string]*Node                // those that were read, by name
	digests   map[*Node]string                // of what references stand for
	inherited int                             // keys that merge keys brought
	last      struct{ line, column, pos int } // where at ended: a long line is not counted through again for each of its values
	tags      map[int]int                     // tags that were read, by line: the library's columns are one short behind each
}

// wrong is a mistake at a node.
func (y *yamlReader) wrong(n ast.Node, format string, a ...any) error {
	p := n.GetToken().Position
	return &SyntaxError{Line: max(p.Line, 1), Column: max(p.Column, 1), What: fmt.Sprintf(format, a...)}
}

func (y *yamlReader) unsupported(n ast.Node) error {
	return y.wrong(n, "the form of this value is not supported")
}

// at returns the byte that a token's line and column (in characters) name.
func (y *yamlReader) at(n ast.Node) (int, error) {
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
func (y *yamlReader) node(n ast.Node, indent, depth int) (*Node, error) {
	if depth > maxDepth {
		return nil, y.wrong(n, "nested deeper than %d", maxDepth)
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return y.mapping(n, depth)
	case *ast.MappingValueNode:
		return y.mapping(ast.Mapping(n.Start, false, n), depth)
	case *ast.SequenceNode:
		return y.sequence(n, depth)
	case *ast.StringNode:
		return y.scalar(n, String, n.Value)
	case *ast.LiteralNode:
		return y.literal(n, indent)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return y.scalar(n, Number, n.GetToken().Value)
	case *ast.BoolNode:
		return y.scalar(n, Bool, strings.ToLower(n.GetToken().Value))
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

func (y *yamlReader) mapping(n *ast.MappingNode, depth int) (*Node, error) {
	out := &Node{Kind: Mapping, Style: Block}
	if n.IsFlowStyle {
		out.Style = Flow
		start, err := y.bracket(n, '{')
		if err != nil {
			return nil, err
		}
		out.start, out.end = start, start+1
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
			out.start = k.start
		}
		out.end = max(out.end, k.Value.end, k.colon)
	}
	if n.IsFlowStyle {
		end, err := y.closer(out.end, '}')
		if err != nil {
			return nil, err
		}
		out.end = end
	}
	return out, nil
}

func (y *yamlReader) entry(v *ast.MappingValueNode, depth int) (*Entry, error) {
	var text string
	switch key := v.Key.(type) {
	case *ast.StringNode:
		text = key.Value
	case *ast.IntegerNode, *ast.BoolNode, *ast.FloatNode, *ast.MergeKeyNode:
		text = v.Key.GetToken().Value
	default:
		return nil, y.wrong(v.Key, "a key of the kind %s is not supported", strings.ToLower(v.Key.Type().String()))
	}
	name, err := y.scalar(v.Key, String, text)
	if err != nil {
		return nil, err
	}
	k := &Entry{Key: text, start: name.start, end: name.end, colon: name.end}
	k.colon += len(y.text[k.end:]) - len(strings.TrimLeft(y.text[k.end:], " \t"))
	if k.colon >= len(y.text) || y.text[k.colon] != ':' {
		if v.Value.Type() == ast.NullType && y.within(k.end) {
			return nil, y.wrong(v.Key, "the key %q has no colon", text)
		}
		return nil, y.wrong(v.Key, "the form of the key %q is not supported", text)
	}
	k.colon++
	indent := v.Key.GetToken().Position.Column - 1
	if k.Value, err = y.node(v.Value, indent, depth+1); err != nil {
		return nil, err
	}
	if k.Value.Kind == Null && k.Value.start == k.Value.end {
		k.Value.start, k.Value.end = k.colon, k.colon
	}
	if k.Value.start < k.colon {
		return nil, y.wrong(v.Key, "the form of the value of %q is not supported", text)
	}
	return k, nil
}

func (y *yamlReader) within(pos int) bool {
	rest := strings.TrimLeft(y.text[pos:], " \t\r\n")
	return rest != "" && (rest[0] == ',' || rest[0] == '}')
}

func (y *yamlReader) sequence(n *ast.SequenceNode, depth int) (*Node, error) {
	out := &Node{Kind: List, Style: Block}
	start, err := y.bracket(n, map[bool]byte{true: '[', false: '-'}[n.IsFlowStyle])
	if err != nil {
		return nil, err
	}
	out.start, out.end = start, start+1
	if n.IsFlowStyle {
		out.Style = Flow
	}
	for _, v := range n.Values {
		item, err := y.node(v, n.Start.Position.Column-1, depth+1)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, item)
		out.end = max(out.end, item.end)
	}
	if n.IsFlowStyle {
		if out.end, err = y.closer(out.end, ']'); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// bracket returns where a list or mapping starts, and checks that it does.
func (y *yamlReader) bracket(n ast.Node, want byte) (int, error) {
	pos, err := y.at(n)
	if err == nil && (pos >= len(y.text) || y.text[pos] != want) {
		err = y.unsupported(n)
	}
	return pos, err
}

// closer returns the position behind the bracket that closes what ends at pos
// but for commas, blanks and comments.
func (y *yamlReader) closer(pos int, want byte) (int, error) {
	for ; pos < len(y.text); pos++ {
		switch c := y.text[pos]; {
		case c == want:
			return pos + 1, nil
		case c == '#':
			pos = lineEnd(y.text, pos) - 1
		case strings.IndexByte(", \t\r\n", c) < 0:
			return 0, syntaxAt(y.text, pos, "the form of this value is not supported")
		}
	}
	return 0, syntaxAt(y.text, pos, "a bracket that is not closed")
}
