package yamlsyntax

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"onerpm/internal/hostconf/syntax"
)

// scalar finds the bytes of a string, number or boolean.
func (y *reader) scalar(n ast.Node, k syntax.Kind, text string) (*syntax.Node, error) {
	start, err := y.word(n)
	if err != nil {
		return nil, err
	}
	out := &syntax.Node{Kind: k, Text: text, Start: start}
	unsupported := y.unsupported(n)
	if start >= len(y.text) {
		return nil, unsupported
	}
	switch y.text[start] {
	case '\'':
		out.Style = syntax.Single
		for i := start + 1; i < len(y.text); i++ {
			if y.text[i] != '\'' {
				continue
			}
			if i+1 < len(y.text) && y.text[i+1] == '\'' {
				i++
				continue
			}
			out.End = i + 1
			return out, nil
		}
		return nil, unsupported
	case '"':
		out.Style = syntax.Double
		if out.End = closing(y.text, start); out.End < 0 {
			return nil, unsupported
		}
		return out, nil
	}
	// Plain: the words of the value stand in the file, with blanks or line breaks between them.
	pos := start
	for _, word := range words(n.GetToken().Value) {
		pos += len(y.text[pos:]) - len(strings.TrimLeft(y.text[pos:], " \t\r\n"))
		if !strings.HasPrefix(y.text[pos:], word) {
			return nil, unsupported
		}
		pos += len(word)
	}
	if pos == start {
		return nil, unsupported
	}
	out.End = pos
	return out, nil
}

// words are what stands between the blanks and line breaks of a text.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \t\r\n", r) })
}

// word is at for a scalar. The library's column of one without quotes is too far to the
// right by the blanks that its line ends in: it is where the rest of the line is the value.
func (y *reader) word(n ast.Node) (int, error) {
	pos, err := y.at(n)
	tk := n.GetToken()
	if err != nil || tk.Type == token.SingleQuoteType || tk.Type == token.DoubleQuoteType {
		return pos, err
	}
	from, want := y.lines[tk.Position.Line-1], words(tk.Value)
	line := y.text[from:syntax.LineEnd(y.text, from)]
	body := strings.TrimRight(line, " \t")
	for shift, at := len(line)-len(body), pos; shift > 0 && at > from; shift-- {
		_, size := utf8.DecodeLastRuneInString(y.text[from:at])
		if at -= size; at >= from+len(body) {
			continue
		}
		if rest := words(body[at-from:]); body[at-from] != ' ' && len(rest) <= len(want) && slices.Equal(rest, want[:len(rest)]) {
			return at, nil
		}
	}
	return pos, nil
}

// closing returns the position behind the double quote that closes the one at start, -1 for none.
func closing(text string, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return -1
}

// null is written as a word, or as nothing: then its span is empty.
func (y *reader) null(n *ast.NullNode) (*syntax.Node, error) {
	out := &syntax.Node{Kind: syntax.Null}
	start, err := y.word(n)
	if err != nil {
		return out, nil //nolint:nilerr // written as nothing: the caller knows where
	}
	for _, word := range []string{"null", "Null", "NULL", "~"} {
		if strings.HasPrefix(y.text[start:], word) {
			out.Start, out.End = start, start+len(word)
		}
	}
	return out, nil
}

// literal finds the lines of a string behind | or >: all that are indented
// deeper than the key, but for comments that are indented less than its first line.
func (y *reader) literal(n *ast.LiteralNode, indent int) (*syntax.Node, error) {
	start, err := y.at(n)
	if err != nil {
		return nil, err
	}
	out := &syntax.Node{Kind: syntax.String, Text: n.Value.Value, Style: syntax.Block, Start: start, End: syntax.LineEnd(y.text, start)}
	header, content := y.text[start:out.End], 0 // how deep the first line is indented, if that says how deep all are
	for pos := syntax.NextLine(y.text, out.End); pos < len(y.text); {
		end := syntax.LineEnd(y.text, pos)
		line := y.text[pos:end]
		body := strings.TrimLeft(line, " ")
		if strings.TrimSpace(body) != "" {
			blanks := len(line) - len(body)
			if blanks <= indent || blanks < content && body[0] == '#' {
				break
			}
			if content == 0 && !strings.ContainsAny(header, "123456789") {
				content = blanks
			}
			out.End = end
		}
		pos = syntax.NextLine(y.text, end)
	}
	return out, nil
}
