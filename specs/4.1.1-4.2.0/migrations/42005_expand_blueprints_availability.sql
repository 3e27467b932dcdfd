-- +goose Up
ALTER TABLE blueprints ADD COLUMN resource_availability resource_availability;
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON blueprints
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();

-- +goose Down
DROP TRIGGER cloudify_upgrade_availability ON blueprints;
ALTER TABLE blueprints DROP COLUMN resource_availability;
