// Package hostconf reads the configuration that a product keeps on its host: YAML,
// JSON and env files. It is the one reader of them: whoever merges, compares or
// looks something up sees the same keys and values.
//
// It promises: bytes of any kind are read within bounds or refused with the line;
// what is not understood is an error, never left out; an edit changes no byte
// that it need not, and is proved by reading the result.
//
// A placeholder <<name>> in a release's file stands for a value of the host's own.
package hostconf

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 1 << 20

// maxYAML is the largest YAML file that is read, in bytes: the library's time
// grows with the square of a mapping's keys.
const maxYAML = 256 << 10

// maxDepth is how deep lists and mappings of a file may nest.
const maxDepth = 64

// Document is a file of keys and values.
type Document struct {
	Format string // json, yaml or env
	Root   *Node

	src []byte
}

// Parse reads a file. An error names the line and shows no value.
func Parse(format string, src []byte) (*Document, error) {
	d := &Document{Format: format, src: src}
	if err := CheckText(format, src); err != nil {
		return nil, err
	}
	var err error
	switch format {
	case "json":
		d.Root, err = parseJSON(src)
	case "yaml":
		d.Root, err = parseYAML(src)
	case "env":
		d.Root, err = parseEnv(src)
	default:
		err = fmt.Errorf("format %q is none of json, yaml, env", format)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// CheckText refuses what is no text of that format within the bounds. It takes the
// format text too, which has lines instead of keys and may have any encoding.
func CheckText(format string, src []byte) error {
	limit := MaxSize
	if format == "yaml" {
		limit = maxYAML
	}
	switch {
	case len(src) > limit:
		return fmt.Errorf("it has %d bytes, more than %d", len(src), limit)
	case bytes.IndexByte(src, 0) >= 0:
		return errors.New("it holds a zero byte: not a text")
	case format != "text" && !utf8.Valid(src):
		return errors.New("it is not UTF-8")
	}
	return nil
}

// Source returns the bytes that were read; they must not be changed.
func (d *Document) Source() []byte { return d.src }
