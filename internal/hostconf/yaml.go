package hostconf

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// parseYAML reads one YAML document with the bytes that each part takes. The
// grammar is the library's; the ends of values, which it does not tell, are
// found here and checked against what it read. Anchors, aliases, tags and
// complex keys are not supported: a change of one key there means more than it says.
func parseYAML(src []byte) (n *Node, err error) {
	if err := nesting(src); err != nil {
		return nil, err
	}
	defer func() { // the library panics on some broken files
		if r := recover(); r != nil {
			n, err = nil, fmt.Errorf("the file is no YAML: %v", r)
		}
	}()
	file, err := parser.ParseBytes(src, 0)
	if err != nil {
		return nil, yamlError(err)
	}
	y := &yamlReader{text: string(src)}
	y.lines = append(y.lines, 0)
	for i, c := range src {
		if c == '\n' {
			y.lines = append(y.lines, i+1)
		}
	}
	var body ast.Node
	for _, d := range file.Docs {
		if d.Body == nil || d.Body.Type() == ast.DirectiveType {
			continue
		}
		if body != nil {
			return nil, errors.New("the file holds more than one document")
		}
		body = d.Body
	}
	if body == nil {
		return &Node{Kind: Null, start: len(src), end: len(src)}, nil
	}
	return y.node(body, 0, 0)
}

// yamlError keeps the first line of the library's message: the others quote
// the file, which may hold secrets.
func yamlError(err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(strings.ToValidUTF8(line, "?"))
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
			return fmt.Errorf("nested deeper than %d", maxDepth)
		}
	}
	return nil
}

type yamlReader struct {
	text  string
	lines []int // where each line starts
}

// at returns the byte that a token's line and column (in characters) name.
func (y *yamlReader) at(n ast.Node) (int, error) {
	p := n.GetToken().Position
	if p.Line < 1 || p.Line > len(y.lines) || p.Column < 1 {
		return 0, fmt.Errorf("line %d: the form of this value is not supported", p.Line)
	}
	pos := y.lines[p.Line-1]
	for i := 1; i < p.Column; i++ {
		if pos >= len(y.text) {
			return 0, fmt.Errorf("line %d: the form of this value is not supported", p.Line)
		}
		_, size := utf8.DecodeRuneInString(y.text[pos:])
		pos += size
	}
	return pos, nil
}

// node reads one value; indent is the column of the key it belongs to, counted
// from 0, and matters for literal strings only.
func (y *yamlReader) node(n ast.Node, indent, depth int) (*Node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
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
	}
	return nil, fmt.Errorf("line %d: %s is not supported in a file that is merged", n.GetToken().Position.Line, strings.ToLower(n.Type().String()))
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
			return nil, fmt.Errorf("line %d: the key %q stands twice", v.Key.GetToken().Position.Line, k.Key)
		}
		seen[k.Key] = true
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
	key, ok := v.Key.(*ast.StringNode)
	var text string
	line := v.Key.GetToken().Position.Line
	switch {
	case ok:
		text = key.Value
	case v.Key.Type() == ast.IntegerType || v.Key.Type() == ast.BoolType || v.Key.Type() == ast.FloatType:
		text = v.Key.GetToken().Value
	default:
		return nil, fmt.Errorf("line %d: a key of the kind %s is not supported in a file that is merged", line, strings.ToLower(v.Key.Type().String()))
	}
	name, err := y.scalar(v.Key, String, text)
	if err != nil {
		return nil, err
	}
	k := &Entry{Key: text, start: name.start, end: name.end, colon: name.end}
	k.colon += len(y.text[k.end:]) - len(strings.TrimLeft(y.text[k.end:], " \t"))
	if k.colon >= len(y.text) || y.text[k.colon] != ':' {
		if v.Value.Type() == ast.NullType && y.within(k.end) {
			return nil, fmt.Errorf("line %d: the key %q has no colon", line, text)
		}
		return nil, fmt.Errorf("line %d: the form of the key %q is not supported", line, text)
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
		return nil, fmt.Errorf("line %d: the form of the value of %q is not supported", line, text)
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
		err = fmt.Errorf("line %d: the form of this value is not supported", n.GetToken().Position.Line)
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
			return 0, fmt.Errorf("line %d: the form of this value is not supported", 1+strings.Count(y.text[:pos], "\n"))
		}
	}
	return 0, errors.New("a bracket that is not closed")
}
