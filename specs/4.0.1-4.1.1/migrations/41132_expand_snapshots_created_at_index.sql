-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS snapshots_created_at_idx ON snapshots (created_at);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS snapshots_created_at_idx;
