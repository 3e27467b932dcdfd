// Package dump writes a database's contents, or its schema alone, to files by PostgreSQL's
// own programs, and reads them back. It promises that a dump which stands under its name
// is complete, durable and root's alone, and that no password is in an argument list or
// an environment.
package dump

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/programs"
)

const (
	dumpTimeout = 12 * time.Hour // of a database of hundreds of gigabytes on a slow disk
	lockForDump = "60s"          // pg_dump waits at most so long for its locks, all of them weak
)

// Write writes the whole database to file (custom format, mode 0600, durable) and
// reads it back in full, as pg_restore --list accepts a truncated one. A file
// that stands under this name is complete.
func Write(ctx context.Context, db *database.DB, file string) error {
	bin, err := Client(ctx, db)
	if err != nil {
		return err
	}
	dir := filepath.Dir(file)
	part := file + ".part"
	if err := removeLeft(dir, part); err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	pass, err := db.PassFile(dir)
	if err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	defer os.Remove(pass) //nolint:errcheck // the folder is root's alone
	// Made here, so that pg_dump follows no link, waits at no pipe and nobody reads meanwhile.
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	if err := errors.Join(f.Chmod(0o600), f.Close()); err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	if err := writeTo(ctx, db, bin, pass, part); err != nil {
		_ = os.Remove(part)
		return fmt.Errorf("dump %s to %s: %w", db, file, err)
	}
	host.Point("rename", file)
	if err := os.Rename(part, file); err != nil {
		return fmt.Errorf("dump: %w", errors.Join(err, os.Remove(part)))
	}
	return host.SyncDir(dir)
}

// removeLeft removes what a run that was killed has left: its part and its password.
func removeLeft(dir, part string) error {
	left, err := filepath.Glob(filepath.Join(dir, database.PassPattern))
	if err != nil {
		return err
	}
	for _, path := range append(left, part) {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func writeTo(ctx context.Context, db *database.DB, bin, pass, part string) error {
	_, err := programs.Run(ctx, programs.Cmd{
		Name:    filepath.Join(bin, "pg_dump"),
		Args:    []string{"--format=custom", "--no-password", "--lock-wait-timeout=" + lockForDump, "--file=" + part},
		Env:     db.ClientEnv(pass),
		Timeout: dumpTimeout, Scope: true,
	})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(part, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	host.Point("fsync", part)
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	_, err = programs.Run(ctx, programs.Cmd{
		Name: filepath.Join(bin, "pg_restore"), Args: []string{"--file=/dev/null", part}, Timeout: dumpTimeout, Discard: true, Scope: true,
	})
	if err != nil {
		return fmt.Errorf("read the dump back: %w", err)
	}
	return nil
}
