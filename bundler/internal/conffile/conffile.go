// Package conffile takes configuration files of a release apart: by key where the
// format has keys, by line where it has not; and it knows the placeholders in
// them. It is for showing and checking; merging is the engine's.
//
// It promises to be safe on any bytes within its limits, and to say where in a file
// things stand.
package conffile

import (
	"fmt"
	"regexp"
	"strings"

	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/strictyaml"
)

// Entry is one value of a file.
type Entry struct {
	Key    string // a.b.c; "" in a text, where an entry is a line
	Value  string // as written for scalars, compact for lists; a line of a text without its end
	Line   int    // from 1
	Column int    // from 1, in characters; of the value or what is known of its place
}

// Read takes a file apart. format is json, yaml, env or text; file is its name for mistakes.
func Read(format, file string, data []byte) ([]Entry, *mistake.Mistake) {
	switch format {
	case "json":
		return readJSON(file, data)
	case "yaml":
		return readYAML(file, data)
	case "env":
		return readEnv(data), nil
	case "text":
		return readText(data), nil
	}
	return nil, &mistake.Mistake{File: file, What: fmt.Sprintf("%q is no format", format), Allowed: "allowed: json, yaml, env, text"}
}

var placeholder = regexp.MustCompile(`<<([A-Za-z_][A-Za-z0-9_.-]*)>>`)

// Placeholders returns the names of the placeholders in a text, in their order.
func Placeholders(text string) []string {
	var names []string
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

// Same tells whether two values are alike when one placeholder is as good as another.
func Same(a, b string) bool {
	return placeholder.ReplaceAllLiteralString(a, "<<>>") == placeholder.ReplaceAllLiteralString(b, "<<>>")
}

func readYAML(file string, data []byte) ([]Entry, *mistake.Mistake) {
	leaves, m := strictyaml.Leaves(file, data)
	if m != nil {
		return nil, m
	}
	out := make([]Entry, len(leaves))
	for i, l := range leaves {
		out[i] = Entry(l)
	}
	return out, nil
}

var assignment = regexp.MustCompile(`^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$`)

func readEnv(data []byte) []Entry {
	var out []Entry
	for i, line := range lines(data) {
		if m := assignment.FindStringSubmatchIndex(line); m != nil {
			out = append(out, Entry{Key: line[m[2]:m[3]], Value: strings.TrimSpace(line[m[4]:m[5]]), Line: i + 1, Column: len([]rune(line[:m[4]])) + 1})
		}
	}
	return out
}

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
