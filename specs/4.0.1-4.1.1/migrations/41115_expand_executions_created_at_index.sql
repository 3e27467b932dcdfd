-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS executions_created_at_idx ON executions (created_at);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS executions_created_at_idx;
