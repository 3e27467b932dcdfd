-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_id_idx ON events (id);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS events_id_idx;
