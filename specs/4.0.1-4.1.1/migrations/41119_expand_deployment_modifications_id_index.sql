-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS deployment_modifications_id_idx ON deployment_modifications (id);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS deployment_modifications_id_idx;
