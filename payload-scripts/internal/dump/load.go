package dump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"onerpm/payload-scripts/internal/database"
)

// Load fills the database, which is empty, from a dump: pg_dump's custom format or SQL.
func Load(ctx context.Context, db *database.DB, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	custom, err := isCustom(file)
	if err != nil {
		return fmt.Errorf("read the dump: %w", err)
	}
	if custom {
		err = program(ctx, db, "pg_restore", dumpTimeout, "--no-password", "--no-owner", "--no-privileges", "--exit-on-error", "--dbname="+db.Database(), file)
	} else {
		err = program(ctx, db, "psql", dumpTimeout, "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file="+file)
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
