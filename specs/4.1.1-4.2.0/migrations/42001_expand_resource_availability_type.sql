-- The values of resource_availability, and what keeps the column right while 4.1.1 writes rows that do not
-- name it. 4.1.1 shows a row without private_resource to its creator alone: that is private.
-- The comment tells this type from one that somebody made by hand (see checks.sql); the switch takes it away.

-- +goose Up
CREATE SCHEMA IF NOT EXISTS cloudify_upgrade;
CREATE TYPE resource_availability AS ENUM ('private', 'tenant', 'global');
COMMENT ON TYPE resource_availability IS 'made by cloudify-upgrade';
-- +goose StatementBegin
CREATE FUNCTION cloudify_upgrade.keep_availability() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.resource_availability := CASE WHEN NEW.private_resource IS FALSE THEN 'tenant' ELSE 'private' END;
    RETURN NEW;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION cloudify_upgrade.keep_availability();
DROP TYPE resource_availability;
