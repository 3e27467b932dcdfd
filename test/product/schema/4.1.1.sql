-- From 4.0.1 to 4.1.1, as the product's own migrations leave it.

ALTER TABLE tenants
    ADD COLUMN rabbitmq_password text,
    ADD COLUMN rabbitmq_username text,
    ADD COLUMN rabbitmq_vhost text;

CREATE INDEX blueprints_created_at_idx ON blueprints (created_at);
CREATE INDEX blueprints_id_idx ON blueprints (id);
CREATE INDEX deployment_modifications_created_at_idx ON deployment_modifications (created_at);
CREATE INDEX deployment_modifications_ended_at_idx ON deployment_modifications (ended_at);
CREATE INDEX deployment_modifications_id_idx ON deployment_modifications (id);
CREATE INDEX deployment_update_steps_id_idx ON deployment_update_steps (id);
CREATE INDEX deployment_updates_created_at_idx ON deployment_updates (created_at);
CREATE INDEX deployment_updates_id_idx ON deployment_updates (id);
CREATE INDEX deployments_created_at_idx ON deployments (created_at);
CREATE INDEX deployments_id_idx ON deployments (id);
CREATE INDEX events_id_idx ON events (id);
CREATE INDEX events_timestamp_idx ON events (timestamp);
CREATE INDEX executions_created_at_idx ON executions (created_at);
CREATE INDEX executions_id_idx ON executions (id);
CREATE UNIQUE INDEX groups_ldap_dn_idx ON groups (ldap_dn);
CREATE UNIQUE INDEX groups_name_idx ON groups (name);
CREATE INDEX logs_id_idx ON logs (id);
CREATE INDEX logs_timestamp_idx ON logs (timestamp);
CREATE INDEX node_instances_id_idx ON node_instances (id);
CREATE INDEX nodes_id_idx ON nodes (id);
CREATE INDEX nodes_type_idx ON nodes (type);
CREATE INDEX plugins_archive_name_idx ON plugins (archive_name);
CREATE INDEX plugins_id_idx ON plugins (id);
CREATE INDEX plugins_package_name_idx ON plugins (package_name);
CREATE INDEX plugins_uploaded_at_idx ON plugins (uploaded_at);
CREATE UNIQUE INDEX roles_name_idx ON roles (name);
CREATE INDEX secrets_created_at_idx ON secrets (created_at);
CREATE INDEX secrets_id_idx ON secrets (id);
CREATE INDEX snapshots_created_at_idx ON snapshots (created_at);
CREATE INDEX snapshots_id_idx ON snapshots (id);
CREATE UNIQUE INDEX tenants_name_idx ON tenants (name);
CREATE UNIQUE INDEX users_username_idx ON users (username);

DROP INDEX ix_events_timestamp;
DROP INDEX ix_logs_timestamp;

ALTER TABLE events
    ALTER COLUMN timestamp SET NOT NULL,
    ALTER COLUMN timestamp DROP DEFAULT;
ALTER TABLE logs
    ALTER COLUMN timestamp SET NOT NULL,
    ALTER COLUMN timestamp DROP DEFAULT;

UPDATE alembic_version SET version_num = '3496c876cd1a';
