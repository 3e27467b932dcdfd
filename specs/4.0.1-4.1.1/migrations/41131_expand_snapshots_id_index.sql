-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS snapshots_id_idx ON snapshots (id);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS snapshots_id_idx;
