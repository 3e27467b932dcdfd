package database

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/host"
)

// schemaTimeout bounds the reading of a schema; it waits for locks at most as a dump does.
const schemaTimeout = 10 * time.Minute

// maxSchema bounds a schema's text, in bytes.
const maxSchema = 64 << 20

// Schema returns the product's schema as PostgreSQL's own pg_dump writes it, line by
// line, without comments and without our own schema.
func (db *DB) Schema(ctx context.Context) ([]string, error) {
	dir, err := os.MkdirTemp("", "schema-*") // 0700
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	out := filepath.Join(dir, "schema.sql")
	err = db.program(ctx, "pg_dump", schemaTimeout,
		"--schema-only", "--no-password", "--lock-wait-timeout="+lockForDump, "--exclude-schema="+db.schema, "--file="+out)
	if err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", db.to, err)
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
		return nil, fmt.Errorf("read the schema of %s: it has more than %d bytes", db.to, maxSchema)
	}
	var lines []string
	for _, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimRight(line, " "); line != "" && !strings.HasPrefix(line, "--") && !strings.HasPrefix(line, `\`) {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// Load fills the database, which is empty, from a dump: pg_dump's custom format or SQL.
func (db *DB) Load(ctx context.Context, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	custom, err := isCustom(file)
	if err != nil {
		return fmt.Errorf("read the dump: %w", err)
	}
	if custom {
		err = db.program(ctx, "pg_restore", dumpTimeout, "--no-password", "--no-owner", "--no-privileges", "--exit-on-error", "--dbname="+db.to.Database, file)
	} else {
		err = db.program(ctx, "psql", dumpTimeout, "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file="+file)
	}
	if err != nil {
		return fmt.Errorf("load %s: %w", file, err)
	}
	return nil
}

// isCustom tells a dump in pg_dump's custom format by how it begins.
func isCustom(file string) (bool, error) {
	f, err := os.Open(file)
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // read only
	var magic [5]byte
	_, err = io.ReadFull(f, magic[:])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil
	}
	return bytes.Equal(magic[:], []byte("PGDMP")), err
}

// program runs one of PostgreSQL's programs on the database.
func (db *DB) program(ctx context.Context, name string, timeout time.Duration, args ...string) error {
	bin, err := db.client(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "pgpass-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	pass, err := db.passFile(dir)
	if err != nil {
		return err
	}
	_, err = host.Run(ctx, host.Cmd{Name: filepath.Join(bin, name), Args: args, Env: db.clientEnv(pass), Timeout: timeout})
	return err
}
