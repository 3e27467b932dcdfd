-- The product's 3496c876cd1a: from 4.1.1 on the writer sets the time itself. The columns are NOT NULL already
-- (see checks.sql), so no row is read here.

-- +goose Up
ALTER TABLE events ALTER COLUMN timestamp SET NOT NULL, ALTER COLUMN timestamp DROP DEFAULT;
ALTER TABLE logs ALTER COLUMN timestamp SET NOT NULL, ALTER COLUMN timestamp DROP DEFAULT;
UPDATE alembic_version SET version_num = '3496c876cd1a';

-- +goose Down
UPDATE alembic_version SET version_num = '730403566523';
ALTER TABLE events ALTER COLUMN timestamp SET DEFAULT CURRENT_TIMESTAMP;
ALTER TABLE logs ALTER COLUMN timestamp SET DEFAULT CURRENT_TIMESTAMP;
