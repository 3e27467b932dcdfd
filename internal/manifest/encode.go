package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Encode returns the one canonical form of m: JSON with the keys in the order of
// the types, maps sorted, two spaces of indent, nothing escaped for HTML and a
// final newline. Lists that are nil are written as empty ones. What Decode would
// refuse is an error here too.
func Encode(m *Manifest) ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, fmt.Errorf("encode the manifest: %w", err)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m.withLists()); err != nil {
		return nil, fmt.Errorf("encode the manifest: %w", err)
	}
	if b.Len() > MaxSize {
		return nil, fmt.Errorf("encode the manifest: %d bytes, at most %d are allowed", b.Len(), MaxSize)
	}
	return b.Bytes(), nil
}

// withLists returns a copy of m in which no list is nil, so that there is one
// way to write an empty one.
func (m *Manifest) withLists() *Manifest {
	c := *m
	c.Files, c.Old, c.New = list(m.Files), list(m.Old), list(m.New)
	c.Skip, c.Services, c.State = list(m.Skip), list(m.Services), list(m.State)
	c.Config, c.Databases = list(m.Config), list(m.Databases)
	c.Known = make([]Release, len(m.Known))
	for i, r := range m.Known {
		r.Packages = list(r.Packages)
		c.Known[i] = r
	}
	return &c
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// MarshalJSON writes v with its literal's type kept: a float64 always has a
// point or an exponent, so that 1.0 does not come back as the integer 1.
func (v Value) MarshalJSON() ([]byte, error) {
	type plain Value
	p := plain(v)
	switch n := v.Literal.(type) {
	case nil, string, bool:
	case int:
		p.Literal = json.Number(strconv.Itoa(n))
	case int64:
		p.Literal = json.Number(strconv.FormatInt(n, 10))
	case uint64:
		p.Literal = json.Number(strconv.FormatUint(n, 10))
	case float64:
		s := strconv.FormatFloat(n, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		p.Literal = json.Number(s) // an infinity or NaN is refused by the encoder
	default:
		return nil, fmt.Errorf("a value of type %T cannot be set, only a string, a boolean or a number", v.Literal)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// UnmarshalJSON reads what MarshalJSON writes: a number becomes an int64, or a
// float64 when it has a point or an exponent.
func (v *Value) UnmarshalJSON(b []byte) error {
	type plain Value
	var p plain
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	if err := dec.Decode(&p); err != nil {
		return err
	}
	switch n := p.Literal.(type) {
	case nil, string, bool:
	case json.Number:
		var err error
		if strings.ContainsAny(n.String(), ".eE") {
			p.Literal, err = n.Float64()
		} else {
			p.Literal, err = n.Int64()
		}
		if err != nil {
			return fmt.Errorf("number %s: %w", n, err)
		}
	default:
		return fmt.Errorf("a literal is a string, a boolean or a number, not %s", b)
	}
	*v = Value(p)
	return nil
}
