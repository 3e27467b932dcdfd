-- The product builds logs_timestamp_idx and drops ix_logs_timestamp, which is the same index: another name will do.

-- +goose Up
ALTER INDEX ix_logs_timestamp RENAME TO logs_timestamp_idx;

-- +goose Down
ALTER INDEX logs_timestamp_idx RENAME TO ix_logs_timestamp;
