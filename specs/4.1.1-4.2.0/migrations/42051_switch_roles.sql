-- The product's 406821843b55, after the six roles that it takes for granted: without 'default' and 'sys_admin'
-- it would leave every user without a role.
-- What the way back must know is kept in our own schema: which roles there were, where their sequence stood
-- (roles made with a number of their own leave it behind the last one), who had which role, and whether the
-- key's columns were NOT NULL already, as the product's own way down from 4.2.0 leaves them.

-- +goose Up
CREATE TABLE cloudify_upgrade.roles_before AS
    SELECT ARRAY(SELECT id FROM roles) AS ids, s.last_value, s.is_called,
        (SELECT bool_and(attnotnull) FROM pg_attribute WHERE attrelid = 'users_tenants'::regclass AND attname IN ('user_id', 'tenant_id')) AS users_not_null,
        (SELECT bool_and(attnotnull) FROM pg_attribute WHERE attrelid = 'groups_tenants'::regclass AND attname IN ('group_id', 'tenant_id')) AS groups_not_null
    FROM roles_id_seq s;
CREATE TABLE cloudify_upgrade.users_roles_before AS SELECT user_id, role_id FROM users_roles;
SELECT setval('roles_id_seq', greatest(max(id), (SELECT last_value FROM roles_id_seq))) FROM roles;
INSERT INTO roles (name, description)
    SELECT name, description FROM (VALUES
        (1, 'sys_admin', 'May do everything'),
        (2, 'manager', 'Manages a tenant'),
        (3, 'user', 'Uses a tenant'),
        (4, 'operations', 'Runs workflows and cannot upload'),
        (5, 'viewer', 'Sees a tenant and changes nothing'),
        (6, 'default', 'A user without rights on the whole system')) AS six (place, name, description)
    WHERE NOT EXISTS (SELECT 1 FROM roles r WHERE r.name = six.name) ORDER BY place;
DROP TRIGGER cloudify_upgrade_role ON users_tenants;
UPDATE users_tenants SET role_id = (SELECT id FROM roles WHERE name = 'user') WHERE role_id IS NULL;
ALTER TABLE users_tenants ADD CONSTRAINT users_tenants_pkey PRIMARY KEY (user_id, tenant_id);
ALTER TABLE users_tenants ALTER COLUMN role_id SET NOT NULL;
UPDATE users_roles SET role_id = CASE role_id
        WHEN (SELECT id FROM roles WHERE name = 'user') THEN (SELECT id FROM roles WHERE name = 'default')
        ELSE (SELECT id FROM roles WHERE name = 'sys_admin') END
    WHERE role_id IN (SELECT id FROM roles WHERE name IN ('user', 'admin'));
UPDATE alembic_version SET version_num = '406821843b55';

-- +goose Down
UPDATE alembic_version SET version_num = '4dfd8797fdfa';
UPDATE users_roles now SET role_id = CASE now.role_id
        WHEN (SELECT id FROM roles WHERE name = 'default') THEN (SELECT id FROM roles WHERE name = 'user')
        ELSE (SELECT id FROM roles WHERE name = 'admin') END
    WHERE now.role_id IN (SELECT id FROM roles WHERE name IN ('default', 'sys_admin'))
        AND NOT EXISTS (SELECT 1 FROM cloudify_upgrade.users_roles_before b WHERE b.user_id = now.user_id AND b.role_id = now.role_id);
ALTER TABLE users_tenants ALTER COLUMN role_id DROP NOT NULL;
ALTER TABLE users_tenants DROP CONSTRAINT users_tenants_pkey;
-- +goose StatementBegin
DO $$
BEGIN
    IF NOT (SELECT users_not_null FROM cloudify_upgrade.roles_before) THEN
        ALTER TABLE users_tenants ALTER COLUMN user_id DROP NOT NULL, ALTER COLUMN tenant_id DROP NOT NULL;
    END IF;
END $$;
-- +goose StatementEnd
UPDATE users_tenants SET role_id = (SELECT id FROM roles WHERE name = 'user');
UPDATE groups_tenants SET role_id = (SELECT id FROM roles WHERE name = 'user');
CREATE TRIGGER cloudify_upgrade_role BEFORE INSERT OR UPDATE ON users_tenants
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_tenant_role();
DELETE FROM roles USING cloudify_upgrade.roles_before b
    WHERE id <> ALL (b.ids) AND name IN ('sys_admin', 'manager', 'user', 'operations', 'viewer', 'default');
SELECT setval('roles_id_seq', b.last_value, b.is_called) FROM cloudify_upgrade.roles_before b
    WHERE NOT EXISTS (SELECT 1 FROM roles WHERE id > b.last_value AND id <> ALL (b.ids));
DROP TABLE cloudify_upgrade.roles_before, cloudify_upgrade.users_roles_before;
