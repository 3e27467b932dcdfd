-- The rows that the bootstrap of 4.0.1 makes: one tenant, the two roles, and the administrator, who owns all that is copied. Users made later start at 1.
-- The administrator's name and password come in the window, from hooks/users: until then the account lets nobody in.
-- +goose Up
INSERT INTO alembic_version (version_num) VALUES ('9aa6f74c9653');
INSERT INTO tenants (id, name) VALUES (0, 'default_tenant');
INSERT INTO roles (id, name, description) VALUES (1, 'admin', 'May do everything'), (2, 'user', 'Uses a tenant');
SELECT setval('roles_id_seq', 2);
INSERT INTO users (id, username, active, created_at) VALUES (0, 'admin', true, now() AT TIME ZONE 'utc');
INSERT INTO users_roles (user_id, role_id) VALUES (0, 1);
INSERT INTO users_tenants (user_id, tenant_id) VALUES (0, 0);
-- +goose Down
DELETE FROM users_tenants;
DELETE FROM users_roles;
DELETE FROM users;
DELETE FROM roles;
SELECT setval('roles_id_seq', 1, false);
DELETE FROM tenants;
DELETE FROM alembic_version;
