-- The rest of the product's 730403566523. A unique index is a rule for the code that writes, so it waits for
-- 4.1.1; these tables grow with people, not with use.

-- +goose Up
CREATE UNIQUE INDEX groups_ldap_dn_idx ON groups (ldap_dn);
CREATE UNIQUE INDEX groups_name_idx ON groups (name);
CREATE UNIQUE INDEX roles_name_idx ON roles (name);
CREATE UNIQUE INDEX tenants_name_idx ON tenants (name);
CREATE UNIQUE INDEX users_username_idx ON users (username);
UPDATE alembic_version SET version_num = '730403566523';

-- +goose Down
UPDATE alembic_version SET version_num = '9aa6f74c9653';
DROP INDEX groups_ldap_dn_idx, groups_name_idx, roles_name_idx, tenants_name_idx, users_username_idx;
