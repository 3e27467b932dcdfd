package agentapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// fields are the keys of an object whose values are read, as a tree; all others are passed over.
type fields struct {
	at    []int // where the value stands in what pick returns
	below map[string]*fields
}

// fieldsOf makes the tree of keys such as a.b.c. Nothing is read for an empty key.
func fieldsOf(keys ...string) *fields {
	root := &fields{}
	for i, key := range keys {
		if key == "" {
			continue
		}
		f := root
		for name := range strings.SplitSeq(key, ".") {
			if f.below == nil {
				f.below = map[string]*fields{}
			}
			if f.below[name] == nil {
				f.below[name] = &fields{}
			}
			f = f.below[name]
		}
		f.at = append(f.at, i)
	}
	return root
}

// pick reads one value and returns what stands at n keys of it, as text; "" where nothing does, or null.
func (f *fields) pick(dec *json.Decoder, n int) ([]string, error) {
	found := make([]string, n)
	return found, f.read(dec, found)
}

func (f *fields) read(dec *json.Decoder, found []string) error {
	object, err := open(dec, '{')
	if err != nil || !object {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		switch next := f.below[name.(string)]; { // JSON has no other keys
		case next == nil:
			err = dec.Decode(&passed{})
		case next.at == nil:
			err = next.read(dec, found)
		default:
			err = next.keep(dec, found)
		}
		if err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

// keep reads a value that is wanted as text, and perhaps keys below it too.
func (f *fields) keep(dec *json.Decoder, found []string) error {
	var value json.RawMessage
	if err := dec.Decode(&value); err != nil {
		return err
	}
	for _, i := range f.at {
		found[i] = textOf(value)
	}
	if f.below == nil {
		return nil
	}
	return f.read(json.NewDecoder(bytes.NewReader(value)), found)
}

// textOf is a value as text. A number is as the product writes it: an id must not be rounded.
func textOf(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil { // of null too
		return text
	}
	return string(value)
}

// passed is a value that is passed over.
type passed struct{}

// UnmarshalJSON keeps nothing.
func (*passed) UnmarshalJSON([]byte) error { return nil }

// open reads the begin of an object or an array. Any other value is passed over, with false.
func open(dec *json.Decoder, begin json.Delim) (bool, error) {
	t, err := dec.Token()
	if err != nil || t == begin {
		return err == nil, err
	}
	if _, other := t.(json.Delim); !other {
		return false, nil
	}
	for depth := 1; depth > 0; {
		t, err := dec.Token()
		if err != nil {
			return false, err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	return false, nil
}

// maxValue bounds what is held of an answer at a time, in bytes.
const maxValue = 16 << 20

var errTooLarge = errors.New("a value in it is larger than 16 MiB")

// bounded reads an answer and ends it where a decoder would have to hold too much of it.
type bounded struct {
	io.Reader
	dec  *json.Decoder
	read int64
}

// decoderOf reads JSON values from an answer, and holds one of them at most.
func decoderOf(answer io.Reader) *json.Decoder {
	b := &bounded{Reader: answer}
	b.dec = json.NewDecoder(b)
	return b.dec
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.read-b.dec.InputOffset() > maxValue {
		return 0, errTooLarge
	}
	n, err := b.Reader.Read(p)
	b.read += int64(n)
	return n, err
}
