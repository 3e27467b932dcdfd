-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS logs_id_idx ON logs (id);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS logs_id_idx;
