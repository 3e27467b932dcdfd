-- +goose Up
ALTER TABLE groups_tenants ADD COLUMN role_id integer;
UPDATE groups_tenants SET role_id = (SELECT id FROM roles WHERE name = 'user');
ALTER TABLE groups_tenants ADD CONSTRAINT groups_tenants_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles (id);
CREATE TRIGGER cloudify_upgrade_role BEFORE INSERT OR UPDATE ON groups_tenants
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_tenant_role();

-- +goose Down
DROP TRIGGER cloudify_upgrade_role ON groups_tenants;
ALTER TABLE groups_tenants DROP COLUMN role_id;
