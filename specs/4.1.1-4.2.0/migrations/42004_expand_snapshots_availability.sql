-- +goose Up
ALTER TABLE snapshots ADD COLUMN resource_availability resource_availability;
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON snapshots
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();

-- +goose Down
DROP TRIGGER cloudify_upgrade_availability ON snapshots;
ALTER TABLE snapshots DROP COLUMN resource_availability;
