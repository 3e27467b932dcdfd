-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS blueprints_id_idx ON blueprints (id);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS blueprints_id_idx;
