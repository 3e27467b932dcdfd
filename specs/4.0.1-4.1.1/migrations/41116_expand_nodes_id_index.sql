-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS nodes_id_idx ON nodes (id);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS nodes_id_idx;
