package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"time"

	"github.com/jackc/pgx/v5"

	"onerpm/test/product/internal/product"
	"onerpm/test/product/internal/settings"
	"onerpm/test/product/schema"
)

// cluster is the configuration of the machine's PostgreSQL server.
const cluster = "/etc/postgresql/15/main"

// makeDatabase creates the product's PostgreSQL user and databases, then the schema.
func makeDatabase(ctx context.Context, p plan) error {
	if _, err := os.Stat(cluster); errors.Is(err, fs.ErrNotExist) {
		if err := command(ctx, "/usr/pgsql-9.5/bin/postgresql95-setup", "initdb"); err != nil {
			return err
		}
	}
	if err := command(ctx, "systemctl", "start", "postgresql-9.5"); err != nil {
		return err
	}
	if err := asPostgres(ctx, fmt.Sprintf(`CREATE ROLE cloudify LOGIN PASSWORD '%s';
CREATE DATABASE cloudify_db OWNER cloudify;
CREATE DATABASE stage OWNER cloudify;
CREATE DATABASE composer OWNER cloudify;
`, databasePassword)); err != nil {
		return err
	}
	conn, security, err := connect(ctx, p.release)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background()) //nolint:errcheck // everything was committed or failed
	return schema.Create(ctx, conn, schema.Options{
		Release: p.release.Version, Upgraded: p.upgraded, Security: security, Password: p.adminPassword,
	})
}

// connect opens the database that the host's configuration names.
func connect(ctx context.Context, r product.Release) (*pgx.Conn, settings.Security, error) {
	security, err := settings.ReadSecurity(settings.SecurityPath)
	if err != nil {
		return nil, security, err
	}
	rest, err := settings.ReadRest(settings.RestPath, r)
	if err != nil {
		return nil, security, err
	}
	conn, err := pgx.Connect(ctx, rest.DSN())
	return conn, security, err
}

// asPostgres runs SQL as the server's superuser, waiting for a server that is just coming up.
func asPostgres(ctx context.Context, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for exec.CommandContext(ctx, "runuser", "-u", "postgres", "--", "psql", "-qAtc", "SELECT 1").Run() != nil {
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", ctx.Err())
		case <-time.After(300 * time.Millisecond):
		}
	}
	cmd := exec.CommandContext(ctx, "runuser", "-u", "postgres", "--", "psql", "-q", "-v", "ON_ERROR_STOP=1")
	cmd.Stdin = bytes.NewReader([]byte(sql))
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("psql: %w: %s", err, out)
	}
	return nil
}
