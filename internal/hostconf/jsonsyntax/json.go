// Package jsonsyntax reads JSON files.
package jsonsyntax

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"onerpm/internal/hostconf/syntax"
)

// Parse reads one JSON value with the bytes that each part takes. A key that
// stands twice is an error: readers disagree about which one holds.
func Parse(src []byte) (*syntax.Node, error) {
	p := &parser{text: string(src), from: syntax.BOM(string(src))}
	if err := p.valid(src[p.from:]); err != nil {
		return nil, err
	}
	p.dec = json.NewDecoder(bytes.NewReader(src[p.from:]))
	p.dec.UseNumber()
	n, err := p.value(0)
	if placed := (*syntax.Error)(nil); err != nil && !errors.As(err, &placed) {
		err = syntax.ErrorAt(p.text, p.pos(), "%s", err)
	}
	return n, err
}

// valid tells the first mistake in the grammar, with its place: a decoder that gives
// tokens does not know it exactly.
func (p *parser) valid(src []byte) error {
	err, mistake := json.Unmarshal(src, &json.RawMessage{}), (*json.SyntaxError)(nil)
	switch {
	case err == nil:
		return nil
	case len(bytes.TrimSpace(src)) == 0, err.Error() == "unexpected end of JSON input":
		return syntax.ErrorAt(p.text, len(strings.TrimRight(p.text, " \t\r\n")), "the file ends too early")
	case errors.As(err, &mistake):
		return syntax.ErrorAt(p.text, p.from+int(mistake.Offset)-1, "%s", mistake)
	}
	return &syntax.Error{What: err.Error()}
}

type parser struct {
	text string
	from int // behind a byte order mark
	dec  *json.Decoder
}

// pos is the byte behind the last token.
func (p *parser) pos() int { return min(p.from+int(p.dec.InputOffset()), len(p.text)) }

// token returns the next token and its first byte.
func (p *parser) token() (json.Token, int, error) {
	start := p.pos()
	t, err := p.dec.Token()
	for start < len(p.text) && strings.IndexByte(" \t\r\n,:", p.text[start]) >= 0 {
		start++
	}
	if s, is := t.(string); is && err == nil && strings.ContainsRune(s, '\ufffd') && lostHalf(s, p.text[start:p.pos()]) {
		return nil, start, syntax.ErrorAt(p.text, start, "a \\u escape is half of a character")
	}
	return t, start, err
}

// lostHalf reports whether a string that holds U+FFFD does not say so in its text: then
// it stands for an escape that is no character.
func lostHalf(s, raw string) bool {
	wanted := strings.Count(raw, "\ufffd") + strings.Count(strings.ToLower(raw), `\ufffd`)
	return strings.Count(s, "\ufffd") > wanted
}

func (p *parser) value(depth int) (*syntax.Node, error) {
	if depth > syntax.MaxDepth {
		return nil, fmt.Errorf("nested deeper than %d", syntax.MaxDepth)
	}
	t, start, err := p.token()
	if err != nil {
		return nil, err
	}
	n := &syntax.Node{Start: start}
	switch t := t.(type) {
	case nil:
		n.Kind, n.Text = syntax.Null, "null"
	case bool:
		n.Kind, n.Text = syntax.Bool, fmt.Sprint(t)
	case json.Number:
		n.Kind, n.Text = syntax.Number, t.String()
	case string:
		n.Kind, n.Text, n.Style = syntax.String, t, syntax.Double
	case json.Delim:
		n.Style = syntax.Flow
		if t == '{' {
			err = p.object(n, depth)
		} else {
			err = p.array(n, depth)
		}
		if err != nil {
			return nil, err
		}
	}
	n.End = p.pos()
	return n, nil
}

func (p *parser) object(n *syntax.Node, depth int) error {
	n.Kind = syntax.Mapping
	seen := map[string]bool{}
	for p.dec.More() {
		t, start, err := p.token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return syntax.ErrorAt(p.text, start, "a key that is no string")
		}
		if seen[key] {
			return syntax.ErrorAt(p.text, start, "the key %q stands twice", key)
		}
		seen[key] = true
		end := p.pos()
		v, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		colon := end + strings.IndexByte(p.text[end:], ':') + 1
		n.Keys = append(n.Keys, &syntax.Entry{Key: key, Value: v, Start: start, End: end, Colon: colon})
	}
	_, err := p.dec.Token()
	return err
}

func (p *parser) array(n *syntax.Node, depth int) error {
	n.Kind = syntax.List
	for p.dec.More() {
		v, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		n.Items = append(n.Items, v)
	}
	_, err := p.dec.Token()
	return err
}

// Quote writes a string as JSON, without escaping more than JSON asks for.
func Quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // a string can always be encoded
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
