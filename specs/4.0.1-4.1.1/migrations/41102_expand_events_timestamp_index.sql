-- The product builds events_timestamp_idx and drops ix_events_timestamp, which is the same index: another name will do.

-- +goose Up
ALTER INDEX ix_events_timestamp RENAME TO events_timestamp_idx;

-- +goose Down
ALTER INDEX events_timestamp_idx RENAME TO ix_events_timestamp;
