package hostconf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"onerpm/internal/hostconf/syntax"
)

// JSON writes the file as one JSON value. Numbers stand as in the file, or as a text where JSON has no such number; the values of an
// env file are texts. An error names the key, never a value.
func (d *Document) JSON() ([]byte, error) {
	var out bytes.Buffer
	if err := writeJSON(&out, "", d.Root.OrMapping()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func writeJSON(out *bytes.Buffer, path string, n *syntax.Node) error {
	if n = n.Resolve(); n == nil {
		return fmt.Errorf("it is not known what the value %q stands for", path)
	}
	switch n.Kind {
	case syntax.Null:
		out.WriteString("null")
	case syntax.Bool:
		out.WriteString(strings.ToLower(n.Text))
	case syntax.List:
		out.WriteByte('[')
		for i, item := range n.Items {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := writeJSON(out, fmt.Sprintf("%s[%d]", path, i), item); err != nil {
				return err
			}
		}
		out.WriteByte(']')
	case syntax.Mapping:
		return writeObject(out, path, n)
	default:
		if n.Kind == syntax.Number && json.Valid([]byte(n.Text)) {
			out.WriteString(n.Text)
			return nil
		}
		text, err := json.Marshal(n.Text)
		if err != nil {
			return err
		}
		out.Write(text)
	}
	return nil
}

// writeObject writes a mapping's own keys in their order, then those that a merge key brings, by name.
func writeObject(out *bytes.Buffer, path string, n *syntax.Node) error {
	var keys []string
	for _, e := range n.Keys {
		if e.Value.Kind != syntax.Line && (e.Key != "<<" || n.Merged == nil) {
			keys = append(keys, e.Key)
		}
	}
	own := len(keys)
	for key := range n.Merged {
		if n.Get(key) == nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys[own:])
	out.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := writeJSON(out, "", &syntax.Node{Kind: syntax.String, Text: key}); err != nil {
			return err
		}
		out.WriteByte(':')
		value := n.Get(key)
		if value == nil {
			value = n.Merged[key]
		}
		if err := writeJSON(out, syntax.Join(path, key), value); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return nil
}
