-- What a host that was installed at 4.1.1 or later has more than one that was upgraded: every
-- index of 4.1.1 but two has a twin, because the base revisions were edited after 4.0.1.

CREATE INDEX ix_blueprints_created_at ON blueprints (created_at);
CREATE INDEX ix_blueprints_id ON blueprints (id);
CREATE INDEX ix_deployment_modifications_created_at ON deployment_modifications (created_at);
CREATE INDEX ix_deployment_modifications_ended_at ON deployment_modifications (ended_at);
CREATE INDEX ix_deployment_modifications_id ON deployment_modifications (id);
CREATE INDEX ix_deployment_update_steps_id ON deployment_update_steps (id);
CREATE INDEX ix_deployment_updates_created_at ON deployment_updates (created_at);
CREATE INDEX ix_deployment_updates_id ON deployment_updates (id);
CREATE INDEX ix_deployments_created_at ON deployments (created_at);
CREATE INDEX ix_deployments_id ON deployments (id);
CREATE INDEX ix_events_id ON events (id);
CREATE INDEX ix_executions_created_at ON executions (created_at);
CREATE INDEX ix_executions_id ON executions (id);
CREATE UNIQUE INDEX ix_groups_ldap_dn ON groups (ldap_dn);
CREATE UNIQUE INDEX ix_groups_name ON groups (name);
CREATE INDEX ix_logs_id ON logs (id);
CREATE INDEX ix_node_instances_id ON node_instances (id);
CREATE INDEX ix_nodes_id ON nodes (id);
CREATE INDEX ix_nodes_type ON nodes (type);
CREATE INDEX ix_plugins_archive_name ON plugins (archive_name);
CREATE INDEX ix_plugins_id ON plugins (id);
CREATE INDEX ix_plugins_package_name ON plugins (package_name);
CREATE INDEX ix_plugins_uploaded_at ON plugins (uploaded_at);
CREATE UNIQUE INDEX ix_roles_name ON roles (name);
CREATE INDEX ix_secrets_created_at ON secrets (created_at);
CREATE INDEX ix_secrets_id ON secrets (id);
CREATE INDEX ix_snapshots_created_at ON snapshots (created_at);
CREATE INDEX ix_snapshots_id ON snapshots (id);
CREATE UNIQUE INDEX ix_tenants_name ON tenants (name);
CREATE UNIQUE INDEX ix_users_username ON users (username);
