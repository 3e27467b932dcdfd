-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS deployment_modifications_ended_at_idx ON deployment_modifications (ended_at);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS deployment_modifications_ended_at_idx;
