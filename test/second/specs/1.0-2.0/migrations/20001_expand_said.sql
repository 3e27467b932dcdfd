-- +goose Up
ALTER TABLE edition ADD COLUMN said text;
-- +goose Down
ALTER TABLE edition DROP COLUMN said;
