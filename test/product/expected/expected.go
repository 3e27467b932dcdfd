// Package expected tells what the rows of release 4.0.1 must be for the documents of release 3.4.2, and what they are.
// It is written in Python and shares nothing with the program that copies.
package expected

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Tables are those that get rows from documents.
var Tables = []string{"blueprints", "deployments", "nodes", "node_instances", "executions", "deployment_updates", "deployment_update_steps",
	"deployment_modifications", "plugins", "snapshots", "provider_context", "events", "logs"}

// Summary is what the reading says besides the rows.
type Summary struct {
	Read     map[string]map[string]int `json:"read"`     // documents by index and type
	Rows     map[string]int            `json:"rows"`     // by table
	NoPlace  map[string]map[string]int `json:"no_place"` // documents without a row, by type and reason
	Replaced map[string]int            `json:"replaced"` // characters that no text column takes, by table.column
	LeftOut  map[string]int            `json:"left_out"` // references to what is not there that became NULL, by table.column
	Misfits  []Misfit                  `json:"misfits"`  // values that their columns do not take
	Refused  []Refusal                 `json:"refused"`  // what must not be copied over
}

// Misfit is a document's field that is no value of its column.
type Misfit struct {
	Type  string `json:"type"`
	ID    string `json:"id"`
	Field string `json:"field"`
}

// Refusal is a closed or unknown index, an unknown type, or an execution under way.
type Refusal struct {
	What   string `json:"what"`
	ID     string `json:"id"`
	Status string `json:"status"`
}

//go:embed canonical.py rows.py tables.py
var programs embed.FS

// FromDocuments writes <table>.jsonl for each table into the folder: the rows that a copy of the Elasticsearch at address (host:port)
// must have. settings is nil or as the DEFAULTS in rows.py.
func FromDocuments(ctx context.Context, address, folder string, settings map[string]any) (Summary, error) {
	var s Summary
	args := []string{address, folder}
	if settings != nil {
		b, err := json.Marshal(settings)
		if err != nil {
			return s, err
		}
		file := filepath.Join(folder, "settings.json")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			return s, err
		}
		args = append(args, file)
	}
	if err := run(ctx, "rows.py", args...); err != nil {
		return s, err
	}
	b, err := os.ReadFile(filepath.Join(folder, "summary.json"))
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(b, &s)
}

// FromTables writes <table>.jsonl for each table into the folder: the rows that the database has. encoding is that of columns that
// hold structures: pickle or json.
func FromTables(ctx context.Context, connection, folder, encoding string) error {
	return run(ctx, "tables.py", connection, folder, encoding)
}

func run(ctx context.Context, program string, args ...string) (err error) {
	dir, err := os.MkdirTemp("", "expected-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.CopyFS(dir, programs); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "python3", append([]string{"-B", filepath.Join(dir, program)}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

// Compare returns the lines that only one of two folders has, up to a few for each table.
func Compare(want, got string) ([]string, error) {
	var out []string
	for _, table := range Tables {
		count := map[string]int{}
		for folder, sign := range map[string]int{want: 1, got: -1} {
			b, err := os.ReadFile(filepath.Join(folder, table+".jsonl"))
			if err != nil {
				return nil, err
			}
			for line := range bytes.Lines(b) {
				count[string(line)] += sign
			}
		}
		told := 0
		for line, n := range count {
			if n != 0 && told < 5 {
				out = append(out, fmt.Sprintf("%s: %s %.2000s", table, map[bool]string{true: "lacks", false: "too many"}[n > 0], line))
				told++
			}
		}
	}
	return out, nil
}
