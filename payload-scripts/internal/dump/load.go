package dump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/programs"
)

// UnfitError is a dump that cannot be loaded, whatever the database is like.
type UnfitError struct {
	Err error
	Do  string // what to do, for a person
}

func (e *UnfitError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UnfitError) Unwrap() error { return e.Err }

// Load fills the database, which is empty, from a dump: pg_dump's custom format or SQL, of a pg_dump that may be older or
// newer than the server. An archive becomes SQL first, by the newest pg_restore that is installed. It fails with an
// *UnfitError where no database could take the dump.
func Load(ctx context.Context, db *database.DB, file string) error {
	err := load(ctx, db, file)
	var unfit *UnfitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unfit): // without psql's own words about what was kept from it
		return &UnfitError{fmt.Errorf("load %s: %w", file, unfit.Err), unfit.Do}
	case strings.Contains(err.Error(), "unsupported version ("):
		return &UnfitError{fmt.Errorf("load %s: %w", file, err), "install PostgreSQL's client programs of the version that wrote it, or a later one"}
	default:
		return fmt.Errorf("load %s: %w", file, err)
	}
}

func load(ctx context.Context, db *database.DB, file string) error {
	bin, err := newest(ctx, db.Spec)
	if err != nil {
		return err
	}
	psql := filepath.Join(bin, "psql")
	to, err := targetOf(ctx, db, psql)
	if err != nil {
		return err
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // read only
	custom, err := isCustom(in)
	if err != nil {
		return err
	}
	var sql io.Reader = in
	restored := make(chan error, 1)
	if custom {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		r, w := io.Pipe()
		defer r.Close() //nolint:errcheck // ends a pg_restore that nobody reads from any more
		go func() {
			_, err := programs.Run(ctx, programs.Cmd{
				Name: filepath.Join(bin, "pg_restore"), Args: []string{"--no-owner", "--no-privileges", "--file=/dev/stdout"},
				Input: in, Stdout: w, Discard: true, Timeout: dumpTimeout, Scope: true,
			})
			_ = w.CloseWithError(err) // psql does not end well then: what it reads is cut off
			restored <- err
		}()
		sql = r
	} else {
		restored <- nil
	}
	suited := suit(sql, to)
	defer suited.Close() //nolint:errcheck // nothing is lost
	err = connected(ctx, db, programs.Cmd{
		Name: psql, Args: []string{"--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file=-"},
		Input: suited, Timeout: dumpTimeout,
	})
	if err != nil {
		return err
	}
	return <-restored
}

// isCustom tells a dump in pg_dump's custom format by how it begins; it reads from there on again.
func isCustom(f *os.File) (bool, error) {
	var magic [5]byte
	n, err := f.ReadAt(magic[:], 0)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return bytes.Equal(magic[:n], []byte("PGDMP")), err
}
