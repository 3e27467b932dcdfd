// Package schemas carries the JSON schemas (draft 2020-12) of what the engine tells programs under --json, so that each
// engine can give its own: help schema NAME. They are made from the Go types that are encoded, by the tests here:
//
//	go test ./payload-scripts/schemas -update
//
// docs/answers.md says what may change in them; testdata/promised.txt keeps it.
package schemas

import (
	"embed"
	"strings"
)

//go:embed *.schema.json
var files embed.FS

const extension = ".schema.json"

// Names are those of all schemas, sorted.
func Names() []string {
	entries, _ := files.ReadDir(".") // it is there
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), extension))
	}
	return names
}

// Read returns the schema with a name, false when there is none.
func Read(name string) ([]byte, bool) {
	text, err := files.ReadFile(name + extension)
	return text, err == nil
}
