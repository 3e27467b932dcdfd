-- 4.2.0 demands a version in every node instance. The constraint is validated by the next file while the
-- product serves; from PostgreSQL 12 on, SET NOT NULL in the window then reads no row. Should 4.1.1 write a
-- row without a version meanwhile, it gets the first one instead of an error.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION cloudify_upgrade.keep_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := coalesce(NEW.version, 1);
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER cloudify_upgrade_version BEFORE INSERT OR UPDATE ON node_instances
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_version();
ALTER TABLE node_instances ADD CONSTRAINT cloudify_upgrade_version CHECK (version IS NOT NULL) NOT VALID;

-- +goose Down
ALTER TABLE node_instances DROP CONSTRAINT cloudify_upgrade_version;
DROP TRIGGER cloudify_upgrade_version ON node_instances;
DROP FUNCTION cloudify_upgrade.keep_version();
