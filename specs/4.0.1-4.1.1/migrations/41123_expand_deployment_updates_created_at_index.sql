-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS deployment_updates_created_at_idx ON deployment_updates (created_at);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS deployment_updates_created_at_idx;
