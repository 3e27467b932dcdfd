-- A file of its own: the product reads and writes while the rows are looked at.

-- +goose Up
ALTER TABLE node_instances VALIDATE CONSTRAINT cloudify_upgrade_version;

-- +goose Down
SELECT 1; -- the constraint goes with the file before
