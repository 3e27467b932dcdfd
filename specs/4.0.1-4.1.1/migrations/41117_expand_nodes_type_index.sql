-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS nodes_type_idx ON nodes (type);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS nodes_type_idx;
