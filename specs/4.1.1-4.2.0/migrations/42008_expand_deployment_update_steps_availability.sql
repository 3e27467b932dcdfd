-- +goose Up
ALTER TABLE deployment_update_steps ADD COLUMN resource_availability resource_availability;
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON deployment_update_steps
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();

-- +goose Down
DROP TRIGGER cloudify_upgrade_availability ON deployment_update_steps;
ALTER TABLE deployment_update_steps DROP COLUMN resource_availability;
