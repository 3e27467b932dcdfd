package store

import (
	"context"
	"errors"
	"fmt"

	"onerpm/test/product/internal/settings"
)

// User is a row of users as far as authentication needs it.
type User struct {
	ID       int
	Username string
	Password string // hash
	TokenKey string
	Active   bool
	Admin    bool // has the role that may everything: admin, from 4.2.0 sys_admin
	Role     string
}

const userQuery = `SELECT u.id, u.username, coalesce(u.password, ''), coalesce(u.api_token_key, ''), coalesce(u.active, false),
	coalesce(bool_or(r.name = $2), false), coalesce(max(r.name), '')
	FROM users u LEFT JOIN users_roles x ON x.user_id = u.id LEFT JOIN roles r ON r.id = x.role_id WHERE `

func (db *DB) adminRole() string {
	if db.release.Availability {
		return "sys_admin"
	}
	return "admin"
}

// UserByName returns the user with that name, or ErrNotFound.
func (db *DB) UserByName(ctx context.Context, name string) (User, error) {
	return db.user(ctx, "u.username = $1 GROUP BY u.id ORDER BY u.id LIMIT 1", name)
}

// UserByID returns the user with that id, or ErrNotFound.
func (db *DB) UserByID(ctx context.Context, id int) (User, error) {
	return db.user(ctx, "u.id = $1 GROUP BY u.id", id)
}

func (db *DB) user(ctx context.Context, where string, arg any) (User, error) {
	var u User
	err := db.pool.QueryRow(ctx, userQuery+where, arg, db.adminRole()).
		Scan(&u.ID, &u.Username, &u.Password, &u.TokenKey, &u.Active, &u.Admin, &u.Role)
	return u, one(err)
}

// TenantFor returns the id of the tenant, or ErrNotFound when there is none of that
// name or the user belongs to it neither in person nor by a group.
func (db *DB) TenantFor(ctx context.Context, u User, name string) (int, error) {
	var id int
	err := db.pool.QueryRow(ctx, `SELECT t.id FROM tenants t WHERE t.name = $1 AND ($3
		OR EXISTS (SELECT FROM users_tenants x WHERE x.tenant_id = t.id AND x.user_id = $2)
		OR EXISTS (SELECT FROM groups_tenants g JOIN users_groups x ON x.group_id = g.group_id WHERE g.tenant_id = t.id AND x.user_id = $2))`,
		name, u.ID, u.Admin).Scan(&id)
	return id, one(err)
}

// EnsureRoles finds or creates every role. 4.2.0 does so at each start.
func (db *DB) EnsureRoles(ctx context.Context, roles []settings.Role) error {
	for _, r := range roles {
		_, err := db.pool.Exec(ctx, `INSERT INTO roles (name, description)
			SELECT $1::text, $2::text WHERE NOT EXISTS (SELECT FROM roles WHERE name = $1::text)`, r.Name, r.Description)
		if err = unique(err); err != nil && !errors.Is(err, ErrConflict) {
			return fmt.Errorf("role %s: %w", r.Name, err)
		}
	}
	return nil
}

// CreateTenant adds a tenant, with a RabbitMQ virtual host where the release has them.
func (db *DB) CreateTenant(ctx context.Context, name, password string) error {
	var taken bool
	if err := db.pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM tenants WHERE name = $1)", name).Scan(&taken); err != nil {
		return err
	}
	if taken {
		return ErrConflict
	}
	if !db.release.Vhosts {
		_, err := db.pool.Exec(ctx, "INSERT INTO tenants (name) VALUES ($1)", name)
		return unique(err)
	}
	_, err := db.pool.Exec(ctx, `INSERT INTO tenants (name, rabbitmq_vhost, rabbitmq_username, rabbitmq_password)
		VALUES ($1, $2, $3, $4)`, name, "rabbitmq_vhost_"+name, "rabbitmq_user_"+name, password)
	return unique(err)
}
