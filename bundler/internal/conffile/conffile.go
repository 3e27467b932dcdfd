// Package conffile takes configuration files of a release apart for showing and
// checking: by key where the format has keys (hostconf reads it), by line where it
// has not. Merging is the engine's.
package conffile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"onerpm/bundler/internal/mistake"
	"onerpm/internal/hostconf"
	"onerpm/internal/hostconf/placeholder"
	"onerpm/internal/hostconf/syntax"
	"onerpm/internal/manifest"
)

// Entry is one value of a file.
type Entry struct {
	Key    string // a.b.c; "" in a text, where an entry is a line, and for a line of an env file that is no KEY=value
	Value  string // without quotes, but as JSON in a JSON file; lists on one line; a line of a text without its end
	Line   int    // from 1
	Column int    // from 1, in characters; of the value or what is known of its place
}

// Read takes a file apart. format is one of manifest.Formats; file is its name for mistakes.
func Read(format, file string, data []byte) ([]Entry, *mistake.Mistake) {
	if !slices.Contains(manifest.Formats, format) {
		return nil, &mistake.Mistake{File: file, What: fmt.Sprintf("%q is no format", format), Allowed: "allowed: " + strings.Join(manifest.Formats, ", ")}
	}
	if err := hostconf.CheckText(format, data); err != nil {
		return nil, &mistake.Mistake{File: file, What: err.Error()}
	}
	if format == "text" {
		return readText(data), nil
	}
	d, err := hostconf.Parse(format, data)
	if err != nil {
		name := strings.ToUpper(format)
		if format == "properties" {
			name = ".properties"
		}
		m := &mistake.Mistake{File: file, What: fmt.Sprintf("not %s: %v", name, err)}
		if at := (*syntax.Error)(nil); errors.As(err, &at) {
			m.Line, m.Column, m.What = at.Line, at.Column, fmt.Sprintf("not %s: %s", name, at.What)
		}
		return nil, m
	}
	var out []Entry
	for _, leaf := range d.Leaves() {
		line, column := d.Place(leaf.Value)
		out = append(out, Entry{Key: leaf.Key, Value: d.Show(leaf.Value), Line: line, Column: column})
	}
	return out, nil
}

// Placeholders returns the names of the placeholders in a text, in their order.
func Placeholders(text string) []string { return placeholder.Parse(text).Names }

// Same reports whether two values are alike when one placeholder is as good as another.
func Same(a, b string) bool { return placeholder.Canonical(a) == placeholder.Canonical(b) }

func readText(data []byte) []Entry {
	var out []Entry
	for i, line := range lines(data) {
		out = append(out, Entry{Value: line, Line: i + 1, Column: 1})
	}
	return out
}

// lines cuts a text into lines without their ends.
func lines(data []byte) []string {
	text := strings.TrimSuffix(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
