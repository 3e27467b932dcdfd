-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS deployments_created_at_idx ON deployments (created_at);

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS deployments_created_at_idx;
