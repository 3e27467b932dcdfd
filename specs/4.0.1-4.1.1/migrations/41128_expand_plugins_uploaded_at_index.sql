-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS plugins_uploaded_at_idx ON plugins (uploaded_at);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS plugins_uploaded_at_idx;
