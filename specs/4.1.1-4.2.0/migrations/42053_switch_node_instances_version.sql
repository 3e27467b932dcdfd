-- The product's f1dab814a4a0. PostgreSQL before 12 reads the table here in spite of the validated constraint.

-- +goose Up
DROP TRIGGER cloudify_upgrade_version ON node_instances;
DROP FUNCTION cloudify_upgrade.keep_version();
ALTER TABLE node_instances ALTER COLUMN version SET NOT NULL;
ALTER TABLE node_instances DROP CONSTRAINT cloudify_upgrade_version;
UPDATE alembic_version SET version_num = 'f1dab814a4a0';

-- +goose Down
UPDATE alembic_version SET version_num = '7aae863786af';
ALTER TABLE node_instances ADD CONSTRAINT cloudify_upgrade_version CHECK (version IS NOT NULL) NOT VALID;
ALTER TABLE node_instances ALTER COLUMN version DROP NOT NULL;
-- +goose StatementBegin
CREATE FUNCTION cloudify_upgrade.keep_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := coalesce(NEW.version, 1);
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER cloudify_upgrade_version BEFORE INSERT OR UPDATE ON node_instances
    FOR EACH ROW EXECUTE PROCEDURE cloudify_upgrade.keep_version();
