package hostconf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// parseJSON reads one JSON value with the bytes that each part takes. A key that
// stands twice is an error: readers disagree about which one holds.
func parseJSON(src []byte) (*Node, error) {
	p := &jsonParser{src: src, dec: json.NewDecoder(bytes.NewReader(src))}
	p.dec.UseNumber()
	n, err := p.value(0)
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file ends too early")
	}
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", p.line(), err)
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("line %d: there is something behind the end of the value", p.line())
	}
	return n, nil
}

type jsonParser struct {
	src []byte
	dec *json.Decoder
}

func (p *jsonParser) line() int {
	return 1 + bytes.Count(p.src[:min(int(p.dec.InputOffset()), len(p.src))], []byte("\n"))
}

// token returns the next token and its first byte.
func (p *jsonParser) token() (json.Token, int, error) {
	start := int(p.dec.InputOffset())
	t, err := p.dec.Token()
	for start < len(p.src) && strings.IndexByte(" \t\r\n,:", p.src[start]) >= 0 {
		start++
	}
	return t, start, err
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
	n.end = int(p.dec.InputOffset())
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
			return errors.New("a key that is no string")
		}
		if seen[key] {
			return fmt.Errorf("the key %q stands twice", key)
		}
		seen[key] = true
		end := int(p.dec.InputOffset())
		v, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		colon := end + bytes.IndexByte(p.src[end:], ':') + 1
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
