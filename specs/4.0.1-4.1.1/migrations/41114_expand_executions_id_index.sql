-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS executions_id_idx ON executions (id);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS executions_id_idx;
