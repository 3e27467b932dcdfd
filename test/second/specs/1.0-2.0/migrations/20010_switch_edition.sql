-- +goose Up
UPDATE edition SET release = '2.0';
-- +goose Down
UPDATE edition SET release = '1.0';
