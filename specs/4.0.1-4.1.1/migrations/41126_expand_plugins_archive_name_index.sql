-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS plugins_archive_name_idx ON plugins (archive_name);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS plugins_archive_name_idx;
