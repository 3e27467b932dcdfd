-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS blueprints_created_at_idx ON blueprints (created_at);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS blueprints_created_at_idx;
