-- +goose Up
ALTER TABLE deployments ADD COLUMN resource_availability resource_availability;
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON deployments
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();

-- +goose Down
DROP TRIGGER cloudify_upgrade_availability ON deployments;
ALTER TABLE deployments DROP COLUMN resource_availability;
