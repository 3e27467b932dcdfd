// Package hostconf reads the configuration that a product keeps on its host: YAML,
// JSON, env, INI, TOML and .properties files. It is the one reader of them: whoever merges, compares or
// looks something up sees the same keys and values.
//
// It promises: bytes of any kind are read within bounds or refused with the line;
// what is not understood is an error, never left out; an edit changes no byte
// that it need not, and is proved by reading the result.
//
// Below it are the tree that a file is read into (syntax), a reader for each format
// (yamlsyntax, jsonsyntax, envsyntax, inisyntax, tomlsyntax, propertysyntax), the placeholders of a
// release's files (placeholder) and the address of a database (connection).
package hostconf

import (
	"bytes"
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"onerpm/internal/hostconf/envsyntax"
	"onerpm/internal/hostconf/inisyntax"
	"onerpm/internal/hostconf/jsonsyntax"
	"onerpm/internal/hostconf/propertysyntax"
	"onerpm/internal/hostconf/syntax"
	"onerpm/internal/hostconf/tomlsyntax"
	"onerpm/internal/hostconf/yamlsyntax"
	"onerpm/internal/manifest"
)

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 1 << 20

// maxYAML is the largest YAML file that is read, in bytes: the library's time
// grows with the square of a mapping's keys.
const maxYAML = 256 << 10

// parsers are the readers of the formats, by the names in manifest.KeyedFormats.
var parsers = map[string]func(src []byte) (*syntax.Node, error){
	"json": jsonsyntax.Parse, "yaml": yamlsyntax.Parse, "env": envsyntax.Parse,
	"ini": inisyntax.Parse, "toml": tomlsyntax.Parse, "properties": propertysyntax.Parse,
}

// Document is a file of keys and values.
type Document struct {
	Format string // one of manifest.KeyedFormats
	Root   *syntax.Node

	src   []byte
	lines []int // where each line starts
}

// Parse reads a file. An error is a *syntax.Error and shows no value.
func Parse(format string, src []byte) (*Document, error) {
	d := &Document{Format: format, src: src}
	if err := CheckText(format, src); err != nil {
		return nil, &syntax.Error{What: err.Error()}
	}
	parse := parsers[format]
	if parse == nil {
		return nil, &syntax.Error{What: fmt.Sprintf("format %q is none of %s", format, strings.Join(manifest.KeyedFormats, ", "))}
	}
	var err error
	if d.Root, err = parse(src); err != nil {
		return nil, err
	}
	return d, nil
}

// Levels is how deep the keys of a format go: those of INI stand below a section or before all of them.
func Levels(format string) int {
	switch {
	case format == "ini":
		return 2
	case manifest.TextValues(format):
		return 1
	}
	return syntax.MaxDepth
}

// Place returns where a value stands: line and column from 1, the column in characters.
func (d *Document) Place(n *syntax.Node) (line, column int) {
	if d.lines == nil {
		d.lines = []int{syntax.BOM(string(d.src))}
		for i, c := range d.src {
			if c == '\n' {
				d.lines = append(d.lines, i+1)
			}
		}
	}
	line = max(1, sort.SearchInts(d.lines, n.Start+1))
	return line, utf8.RuneCount(d.src[min(d.lines[line-1], n.Start):n.Start]) + 1
}

// CheckText refuses what is no text of that format within the bounds. It takes the
// format text too, which has lines instead of keys. Such a file may have any encoding, and a .properties file may be ISO 8859-1.
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
	case format != "text" && format != "properties" && !utf8.Valid(src):
		return errors.New("it is not UTF-8")
	}
	return nil
}

// Source returns the bytes that were read; they must not be changed.
func (d *Document) Source() []byte { return d.src }
