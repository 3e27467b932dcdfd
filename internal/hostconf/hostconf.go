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
	"sort"
	"strings"
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

	src   []byte
	lines []int // where each line starts
}

// SyntaxError is a file that is not of its format, or a form of it that is not supported.
type SyntaxError struct {
	Line, Column int // from 1, the column in characters; 0 where it is the file as a whole
	What         string
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.What
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.What)
}

// syntaxAt is a mistake at a byte of a text.
func syntaxAt(text string, pos int, format string, a ...any) error {
	line, column := place(text, pos)
	return &SyntaxError{Line: line, Column: column, What: fmt.Sprintf(format, a...)}
}

// place turns a byte of a text into line and column, from 1, the column in characters.
func place(text string, pos int) (line, column int) {
	before := text[:min(max(pos, 0), len(text))]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(strings.TrimPrefix(before[start:], "\ufeff")) + 1
}

// Parse reads a file. An error is a *SyntaxError and shows no value.
func Parse(format string, src []byte) (*Document, error) {
	d := &Document{Format: format, src: src}
	if err := CheckText(format, src); err != nil {
		return nil, &SyntaxError{What: err.Error()}
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
		err = &SyntaxError{What: fmt.Sprintf("format %q is none of json, yaml, env", format)}
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Place returns where a value stands: line and column from 1, the column in characters.
func (d *Document) Place(n *Node) (line, column int) {
	if d.lines == nil {
		d.lines = []int{bom(string(d.src))}
		for i, c := range d.src {
			if c == '\n' {
				d.lines = append(d.lines, i+1)
			}
		}
	}
	line = max(1, sort.SearchInts(d.lines, n.start+1))
	return line, utf8.RuneCount(d.src[min(d.lines[line-1], n.start):n.start]) + 1
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
