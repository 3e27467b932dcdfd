// Package schemas carries the JSON schemas of the files that a release engineer
// writes, so that the bundler can give them to any project. They are made by package
// schema: go test ./bundler/internal/schema -update.
package schemas

import "embed"

// Files holds <name>.schema.json.
//
//go:embed *.schema.json
var Files embed.FS
