-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS deployments_id_idx ON deployments (id);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS deployments_id_idx;
