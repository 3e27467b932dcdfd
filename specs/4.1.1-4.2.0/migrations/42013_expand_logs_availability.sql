-- +goose Up
ALTER TABLE logs ADD COLUMN resource_availability resource_availability;
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON logs
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();

-- +goose Down
DROP TRIGGER cloudify_upgrade_availability ON logs;
ALTER TABLE logs DROP COLUMN resource_availability;
