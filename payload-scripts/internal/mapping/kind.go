package mapping

import (
	"errors"
	"strconv"
	"unicode/utf8"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/document"
	"onerpm/payload-scripts/internal/pickle"
	"onerpm/payload-scripts/internal/timeform"
)

// kind is a kind of value, with what its column can hold of it.
type kind struct {
	as     string
	bits   int  // of an integer; 0 for 32
	length int  // of a text, in characters; 0 for any
	zone   bool // of a time: the column has one
}

// convert makes a cell of a value that is not missing, and tells how many characters were
// replaced. A null is a null in JSON and in a pickle, and no value of any other kind.
func (k *kind) convert(raw []byte) (c Cell, replaced int, err error) {
	is := document.KindOf(raw)
	switch k.as {
	case manifest.AsText:
		if is != document.String {
			return c, 0, errors.New("a value that is no text")
		}
		if c.Text, replaced = document.Text(raw); k.length > 0 && utf8.RuneCount(c.Text) > k.length {
			err = errors.New("a text that is longer than the column")
		}
	case manifest.AsInteger:
		c.Text, err = k.integer(raw)
	case manifest.AsBoolean:
		if c.Text = raw; is != document.Bool {
			err = errors.New("a value that is neither true nor false")
		}
	case manifest.AsTime, manifest.AsWall:
		if is != document.String {
			return c, 0, errors.New("a time that is no text")
		}
		at, ok := timeform.Read(document.Unquote(nil, raw), k.as == manifest.AsTime)
		if !ok {
			return c, 0, errors.New("a time of no known form")
		}
		c.Text = timeform.Write(at, k.zone)
	case manifest.AsJSON:
		c.Text, c.Bytes = raw, true
	case manifest.AsJSONText:
		c.Text = raw
	case manifest.AsPickle:
		c.Bytes = true
		c.Text, err = pickle.Append(make([]byte, 0, len(raw)+len(raw)/4+16), raw)
	}
	return c, replaced, err
}

// integer reads a whole number that is written as one: 1.0 is none, as clients got a float.
func (k *kind) integer(raw []byte) ([]byte, error) {
	bits := k.bits
	if bits == 0 {
		bits = 32
	}
	n, err := strconv.ParseInt(string(raw), 10, bits)
	if err != nil {
		return nil, errors.New("a value that is no whole number, or too large")
	}
	return strconv.AppendInt(nil, n, 10), nil
}
