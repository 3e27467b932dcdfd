package hostconf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// parseJSON reads one JSON value with the bytes that each part takes. A key that
// stands twice is an error: readers disagree about which one holds.
func parseJSON(src []byte) (*Node, error) {
	p := &jsonParser{text: string(src), from: bom(string(src))}
	if err := p.valid(src[p.from:]); err != nil {
		return nil, err
	}
	p.dec = json.NewDecoder(bytes.NewReader(src[p.from:]))
	p.dec.UseNumber()
	n, err := p.value(0)
	if placed := (*SyntaxError)(nil); err != nil && !errors.As(err, &placed) {
		err = syntaxAt(p.text, p.pos(), "%s", err)
	}
	return n, err
}

// valid tells the first mistake in the grammar, with its place: a decoder that gives
// tokens does not know it exactly.
func (p *jsonParser) valid(src []byte) error {
	err, syntax := json.Unmarshal(src, &json.RawMessage{}), (*json.SyntaxError)(nil)
	switch {
	case err == nil:
		return nil
	case len(bytes.TrimSpace(src)) == 0, err.Error() == "unexpected end of JSON input":
		return syntaxAt(p.text, len(strings.TrimRight(p.text, " \t\r\n")), "the file ends too early")
	case errors.As(err, &syntax):
		return syntaxAt(p.text, p.from+int(syntax.Offset)-1, "%s", syntax)
	}
	return &SyntaxError{What: err.Error()}
}

type jsonParser struct {
	text string
	from int // behind a byte order mark
	dec  *json.Decoder
}

// pos is the byte behind the last token.
func (p *jsonParser) pos() int { return min(p.from+int(p.dec.InputOffset()), len(p.text)) }

// token returns the next token and its first byte.
func (p *jsonParser) token() (json.Token, int, error) {
	start := p.pos()
	t, err := p.dec.Token()
	for start < len(p.text) && strings.IndexByte(" \t\r\n,:", p.text[start]) >= 0 {
		start++
	}
	if s, is := t.(string); is && err == nil && strings.ContainsRune(s, '\ufffd') && lostHalf(s, p.text[start:p.pos()]) {
		return nil, start, syntaxAt(p.text, start, "a \\u escape is half of a character")
	}
	return t, start, err
}

// lostHalf tells whether a string that holds U+FFFD does not say so in its text: then
// it stands for an escape that is no character.
func lostHalf(s, raw string) bool {
	wanted := strings.Count(raw, "\ufffd") + strings.Count(strings.ToLower(raw), `\ufffd`)
	return strings.Count(s, "\ufffd") > wanted
}

func (p *jsonParser) value(depth int) (*Node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	t, start, err := p.token()
	if err != nil {
		return nil, err
	}
	n := &Node{start: start}
	switch t := t.(type) {
	case nil:
		n.Kind, n.Text = Null, "null"
	case bool:
		n.Kind, n.Text = Bool, fmt.Sprint(t)
	case json.Number:
		n.Kind, n.Text = Number, t.String()
	case string:
		n.Kind, n.Text, n.Style = String, t, Double
	case json.Delim:
		n.Style = Flow
		if t == '{' {
			err = p.object(n, depth)
		} else {
			err = p.array(n, depth)
		}
		if err != nil {
			return nil, err
		}
	}
	n.end = p.pos()
	return n, nil
}

func (p *jsonParser) object(n *Node, depth int) error {
	n.Kind = Mapping
	seen := map[string]bool{}
	for p.dec.More() {
		t, start, err := p.token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return syntaxAt(p.text, start, "a key that is no string")
		}
		if seen[key] {
			return syntaxAt(p.text, start, "the key %q stands twice", key)
		}
		seen[key] = true
		end := p.pos()
		v, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		colon := end + strings.IndexByte(p.text[end:], ':') + 1
		n.Keys = append(n.Keys, &Entry{Key: key, Value: v, start: start, end: end, colon: colon})
	}
	_, err := p.dec.Token()
	return err
}

func (p *jsonParser) array(n *Node, depth int) error {
	n.Kind = List
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

// quoteJSON writes a string as JSON, without escaping more than JSON asks for.
func quoteJSON(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // a string can always be encoded
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
