-- +goose Up
ALTER TABLE deployment_modifications ADD COLUMN resource_availability resource_availability;
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON deployment_modifications
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();

-- +goose Down
DROP TRIGGER cloudify_upgrade_availability ON deployment_modifications;
ALTER TABLE deployment_modifications DROP COLUMN resource_availability;
