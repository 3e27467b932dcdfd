-- +goose Up
ALTER TABLE deployment_updates ADD COLUMN resource_availability resource_availability;
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON deployment_updates
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();

-- +goose Down
DROP TRIGGER cloudify_upgrade_availability ON deployment_updates;
ALTER TABLE deployment_updates DROP COLUMN resource_availability;
