-- 4.1.1 inserts here without a role, which from 4.2.0 on is an error: a member without one is a user.
-- users_tenants and groups_tenants grow with people, not with use: a few hundred rows.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION cloudify_upgrade.keep_tenant_role() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.role_id IS NULL THEN
        NEW.role_id := (SELECT id FROM roles WHERE name = 'user');
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
ALTER TABLE users_tenants ADD COLUMN role_id integer;
UPDATE users_tenants SET role_id = (SELECT id FROM roles WHERE name = 'user');
ALTER TABLE users_tenants ADD CONSTRAINT users_tenants_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles (id);
CREATE TRIGGER cloudify_upgrade_role BEFORE INSERT OR UPDATE ON users_tenants
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_tenant_role();

-- +goose Down
DROP TRIGGER cloudify_upgrade_role ON users_tenants;
ALTER TABLE users_tenants DROP COLUMN role_id;
DROP FUNCTION cloudify_upgrade.keep_tenant_role();
