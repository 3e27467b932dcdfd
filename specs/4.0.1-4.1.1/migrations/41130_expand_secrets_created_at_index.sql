-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS secrets_created_at_idx ON secrets (created_at);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS secrets_created_at_idx;
