package dump

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/database"
)

// schemaTimeout bounds the reading of a schema; it waits for locks at most as a dump does.
const schemaTimeout = 10 * time.Minute

// maxSchema bounds a schema's text, in bytes.
const maxSchema = 64 << 20

// Schema returns the product's schema as PostgreSQL's own pg_dump writes it, line by
// line, without comments and without our own schema.
func Schema(ctx context.Context, db *database.DB) ([]string, error) {
	dir, err := os.MkdirTemp("", "schema-*") // 0700
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	out := filepath.Join(dir, "schema.sql")
	err = program(ctx, db, "pg_dump", schemaTimeout,
		"--schema-only", "--no-password", "--lock-wait-timeout="+lockForDump, "--exclude-schema="+db.Schema, "--file="+out)
	if err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", db, err)
	}
	f, err := os.Open(out)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(io.LimitReader(f, maxSchema+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSchema {
		return nil, fmt.Errorf("read the schema of %s: it has more than %d bytes", db, maxSchema)
	}
	var lines []string
	for _, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimRight(line, " "); line != "" && !strings.HasPrefix(line, "--") && !strings.HasPrefix(line, `\`) {
			lines = append(lines, line)
		}
	}
	return lines, nil
}
