-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS deployment_update_steps_id_idx ON deployment_update_steps (id);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS deployment_update_steps_id_idx;
