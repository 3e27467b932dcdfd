-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS deployment_updates_id_idx ON deployment_updates (id);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS deployment_updates_id_idx;
