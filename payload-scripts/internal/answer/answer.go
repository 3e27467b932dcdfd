// Package answer has what programs are told under --json: one JSON value for each command, whatever became of it. Its
// forms are published as JSON schemas (payload-scripts/schemas), and docs/answers.md says what may change in them.
package answer

import (
	"encoding/json"
	"io"
)

// Write writes an answer as the one JSON value that a program reads.
func Write(w io.Writer, answer any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(answer)
}
