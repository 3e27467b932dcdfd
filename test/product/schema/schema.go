// Package schema creates the demo product's database at any of its releases, as a host has it
// that was installed at that release or upgraded to it in place.
package schema

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"

	"onerpm/test/product/internal/account"
	"onerpm/test/product/internal/settings"
)

var (
	//go:embed 4.0.1.sql
	base string
	//go:embed fresh.sql
	twins string
	//go:embed 4.1.1.sql
	to411 string
	//go:embed 4.2.0.sql
	to420 string
)

// Options say what to create.
type Options struct {
	Release  string // 4.0.1, 4.1.1 or 4.2.0
	Upgraded bool   // the host was installed at 4.0.1; makes a difference from 4.1.1 on
	Security settings.Security
	Password string // of the user admin
}

// Create fills an empty database with the schema, the default tenant, the user admin and the
// roles, in one transaction.
func Create(ctx context.Context, conn *pgx.Conn, o Options) error {
	hash, err := account.HashPassword(o.Security, o.Password)
	if err != nil {
		return err
	}
	key, err := account.NewTokenKey()
	if err != nil {
		return err
	}
	vhost, err := account.NewTokenKey()
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		run := func(what, sql string, args ...any) error {
			if _, err := tx.Exec(ctx, sql, args...); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			return nil
		}
		if err := run("4.0.1.sql", base); err != nil {
			return err
		}
		if err := seed(run, hash, key); err != nil {
			return err
		}
		if o.Release == "4.0.1" {
			return nil
		}
		if !o.Upgraded {
			if err := run("fresh.sql", twins); err != nil {
				return err
			}
		}
		if err := run("4.1.1.sql", to411); err != nil {
			return err
		}
		if err := run("virtual host", `UPDATE tenants SET rabbitmq_vhost = 'rabbitmq_vhost_' || name,
			rabbitmq_username = 'rabbitmq_user_' || name, rabbitmq_password = $1`, vhost); err != nil {
			return err
		}
		if o.Release == "4.1.1" {
			return nil
		}
		if err := run("roles", `INSERT INTO roles (name, description) SELECT name, 'of release 4.2'
			FROM unnest(ARRAY['sys_admin', 'manager', 'operations', 'viewer', 'default']) AS name`); err != nil {
			return err
		}
		return run("4.2.0.sql", to420)
	})
}

// seed creates what every installation starts with. Tenant and user have the id 0, as the real ones.
func seed(run func(what, sql string, args ...any) error, hash, key string) error {
	if err := run("roles", `INSERT INTO roles (id, name, description) VALUES
		(1, 'admin', 'May do everything'), (2, 'user', 'Uses a tenant')`); err != nil {
		return err
	}
	if err := run("roles", "SELECT setval('roles_id_seq', 2)"); err != nil {
		return err
	}
	if err := run("default tenant", "INSERT INTO tenants (id, name) VALUES (0, 'default_tenant')"); err != nil {
		return err
	}
	if err := run("admin", `INSERT INTO users (id, username, active, created_at, password, api_token_key)
		VALUES (0, 'admin', true, now() AT TIME ZONE 'utc', $1, $2)`, hash, key); err != nil {
		return err
	}
	if err := run("admin's role", "INSERT INTO users_roles (user_id, role_id) VALUES (0, 1)"); err != nil {
		return err
	}
	if err := run("admin's tenant", "INSERT INTO users_tenants (user_id, tenant_id) VALUES (0, 0)"); err != nil {
		return err
	}
	return run("provider context", `INSERT INTO provider_context (id, name, context) VALUES ('CONTEXT', 'provider', '{"cloudify":{}}')`)
}
