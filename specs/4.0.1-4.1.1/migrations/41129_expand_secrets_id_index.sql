-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS secrets_id_idx ON secrets (id);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS secrets_id_idx;
