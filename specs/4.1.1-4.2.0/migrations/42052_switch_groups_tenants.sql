-- The product's 7aae863786af.

-- +goose Up
DROP TRIGGER cloudify_upgrade_role ON groups_tenants;
DROP FUNCTION cloudify_upgrade.keep_tenant_role();
UPDATE groups_tenants SET role_id = (SELECT id FROM roles WHERE name = 'user') WHERE role_id IS NULL;
ALTER TABLE groups_tenants ADD CONSTRAINT groups_tenants_pkey PRIMARY KEY (group_id, tenant_id);
ALTER TABLE groups_tenants ALTER COLUMN role_id SET NOT NULL;
UPDATE alembic_version SET version_num = '7aae863786af';

-- +goose Down
UPDATE alembic_version SET version_num = '406821843b55';
ALTER TABLE groups_tenants ALTER COLUMN role_id DROP NOT NULL;
ALTER TABLE groups_tenants DROP CONSTRAINT groups_tenants_pkey;
-- +goose StatementBegin
DO $$
BEGIN
    IF NOT (SELECT groups_not_null FROM cloudify_upgrade.roles_before) THEN
        ALTER TABLE groups_tenants ALTER COLUMN group_id DROP NOT NULL, ALTER COLUMN tenant_id DROP NOT NULL;
    END IF;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION cloudify_upgrade.keep_tenant_role() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.role_id IS NULL THEN
        NEW.role_id := (SELECT id FROM roles WHERE name = 'user');
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER cloudify_upgrade_role BEFORE INSERT OR UPDATE ON groups_tenants
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_tenant_role();
