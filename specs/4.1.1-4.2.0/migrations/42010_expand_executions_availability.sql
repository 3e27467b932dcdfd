-- +goose Up
ALTER TABLE executions ADD COLUMN resource_availability resource_availability;
CREATE TRIGGER cloudify_upgrade_availability BEFORE INSERT OR UPDATE ON executions
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_availability();

-- +goose Down
DROP TRIGGER cloudify_upgrade_availability ON executions;
ALTER TABLE executions DROP COLUMN resource_availability;
