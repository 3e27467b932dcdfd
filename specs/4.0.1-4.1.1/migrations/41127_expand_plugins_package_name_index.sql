-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS plugins_package_name_idx ON plugins (package_name);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS plugins_package_name_idx;
