-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS plugins_id_idx ON plugins (id);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS plugins_id_idx;
