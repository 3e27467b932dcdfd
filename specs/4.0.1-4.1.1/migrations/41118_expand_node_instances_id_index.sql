-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS node_instances_id_idx ON node_instances (id);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS node_instances_id_idx;
