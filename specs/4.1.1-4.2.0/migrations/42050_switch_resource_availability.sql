-- The product's 4dfd8797fdfa. Every row is filled by now: from here on 4.2.0 writes the column itself.

-- +goose Up
DROP TRIGGER cloudify_upgrade_availability ON plugins;
DROP TRIGGER cloudify_upgrade_availability ON secrets;
DROP TRIGGER cloudify_upgrade_availability ON snapshots;
DROP TRIGGER cloudify_upgrade_availability ON blueprints;
DROP TRIGGER cloudify_upgrade_availability ON deployments;
DROP TRIGGER cloudify_upgrade_availability ON deployment_updates;
DROP TRIGGER cloudify_upgrade_availability ON deployment_update_steps;
DROP TRIGGER cloudify_upgrade_availability ON deployment_modifications;
DROP TRIGGER cloudify_upgrade_availability ON executions;
DROP TRIGGER cloudify_upgrade_availability ON nodes;
DROP TRIGGER cloudify_upgrade_availability ON node_instances;
DROP TRIGGER cloudify_upgrade_availability ON logs;
DROP TRIGGER cloudify_upgrade_availability ON events;
DROP FUNCTION cloudify_upgrade.keep_availability();
COMMENT ON TYPE resource_availability IS NULL;
UPDATE alembic_version SET version_num = '4dfd8797fdfa';

-- +goose Down
UPDATE alembic_version SET version_num = '3496c876cd1a';
COMMENT ON TYPE resource_availability IS 'made by cloudify-upgrade';
-- +goose StatementBegin
CREATE FUNCTION cloudify_upgrade.keep_availability() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.resource_availability := CASE WHEN NEW.private_resource IS FALSE THEN 'tenant' ELSE 'private' END;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON plugins
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON secrets
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON snapshots
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON blueprints
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON deployments
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON deployment_updates
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON deployment_update_steps
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON deployment_modifications
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON executions
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON nodes
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON node_instances
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON logs
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON events
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();
