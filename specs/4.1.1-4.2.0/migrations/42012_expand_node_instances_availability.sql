-- +goose Up
ALTER TABLE node_instances ADD COLUMN resource_availability resource_availability;
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON node_instances
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();

-- +goose Down
DROP TRIGGER cloudify_upgrade_availability ON node_instances;
ALTER TABLE node_instances DROP COLUMN resource_availability;
