-- The tables of 4.0.1, as its own installer makes them; the documents of 3.4.2 are copied into them.
-- +goose Up
CREATE TYPE action_type AS ENUM ('add', 'remove', 'modify');
CREATE TYPE deployment_modification_status AS ENUM ('started', 'finished', 'rolledback');
CREATE TYPE entity_type AS ENUM ('node', 'relationship', 'property', 'operation', 'workflow', 'output', 'description', 'group', 'policy_type', 'policy_trigger', 'plugin');
CREATE TYPE execution_status AS ENUM ('terminated', 'failed', 'cancelled', 'pending', 'started', 'cancelling', 'force_cancelling');
CREATE TYPE snapshot_status AS ENUM ('created', 'failed', 'creating', 'uploaded');

CREATE TABLE alembic_version (
    version_num varchar(32) CONSTRAINT alembic_version_pkc PRIMARY KEY
);

CREATE TABLE tenants (
    id   serial PRIMARY KEY,
    name text
);

CREATE TABLE users (
    id            serial PRIMARY KEY,
    username      varchar(255),
    active        boolean,
    created_at    timestamp,
    email         varchar(255),
    first_name    varchar(255),
    last_login_at timestamp,
    last_name     varchar(255),
    password      varchar(255),
    api_token_key varchar(100)
);

CREATE TABLE groups (
    id      serial PRIMARY KEY,
    name    text NOT NULL,
    ldap_dn text
);

CREATE TABLE roles (
    id          serial PRIMARY KEY,
    name        text NOT NULL,
    description text
);

CREATE TABLE users_roles (
    user_id integer REFERENCES users,
    role_id integer REFERENCES roles
);

CREATE TABLE users_groups (
    user_id  integer REFERENCES users,
    group_id integer REFERENCES groups
);

CREATE TABLE users_tenants (
    user_id   integer REFERENCES users,
    tenant_id integer REFERENCES tenants
);

CREATE TABLE groups_tenants (
    group_id  integer REFERENCES groups,
    tenant_id integer REFERENCES tenants
);

CREATE TABLE provider_context (
    id      text PRIMARY KEY,
    name    text NOT NULL,
    context bytea NOT NULL
);

CREATE TABLE blueprints (
    _storage_id      serial PRIMARY KEY,
    id               text,
    created_at       timestamp NOT NULL,
    main_file_name   text NOT NULL,
    plan             bytea NOT NULL,
    updated_at       timestamp,
    description      text,
    _tenant_id       integer NOT NULL REFERENCES tenants ON DELETE CASCADE,
    _creator_id      integer NOT NULL REFERENCES users ON DELETE CASCADE,
    private_resource boolean
);

CREATE TABLE plugins (
    _storage_id           serial PRIMARY KEY,
    id                    text,
    archive_name          text NOT NULL,
    distribution          text,
    distribution_release  text,
    distribution_version  text,
    excluded_wheels       bytea,
    package_name          text NOT NULL,
    package_source        text,
    package_version       text,
    supported_platform    bytea,
    supported_py_versions bytea,
    uploaded_at           timestamp NOT NULL,
    wheels                bytea NOT NULL,
    _tenant_id            integer NOT NULL REFERENCES tenants ON DELETE CASCADE,
    _creator_id           integer NOT NULL REFERENCES users ON DELETE CASCADE,
    private_resource      boolean
);

CREATE TABLE secrets (
    _storage_id      serial PRIMARY KEY,
    id               text,
    value            text,
    created_at       timestamp NOT NULL,
    updated_at       timestamp,
    _tenant_id       integer NOT NULL REFERENCES tenants ON DELETE CASCADE,
    _creator_id      integer NOT NULL REFERENCES users ON DELETE CASCADE,
    private_resource boolean
);

CREATE TABLE snapshots (
    _storage_id      serial PRIMARY KEY,
    id               text,
    created_at       timestamp NOT NULL,
    status           snapshot_status,
    error            text,
    _tenant_id       integer NOT NULL REFERENCES tenants ON DELETE CASCADE,
    _creator_id      integer NOT NULL REFERENCES users ON DELETE CASCADE,
    private_resource boolean
);

CREATE TABLE deployments (
    _storage_id      serial PRIMARY KEY,
    id               text,
    created_at       timestamp NOT NULL,
    description      text,
    inputs           bytea,
    groups           bytea,
    permalink        text,
    policy_triggers  bytea,
    policy_types     bytea,
    outputs          bytea,
    scaling_groups   bytea,
    updated_at       timestamp,
    workflows        bytea,
    _blueprint_fk    integer NOT NULL REFERENCES blueprints ON DELETE CASCADE,
    _creator_id      integer NOT NULL REFERENCES users ON DELETE CASCADE,
    _tenant_id       integer NOT NULL REFERENCES tenants ON DELETE CASCADE,
    private_resource boolean
);

CREATE TABLE executions (
    _storage_id        serial PRIMARY KEY,
    id                 text,
    created_at         timestamp NOT NULL,
    error              text,
    is_system_workflow boolean NOT NULL,
    parameters         bytea,
    status             execution_status,
    workflow_id        text NOT NULL,
    _deployment_fk     integer REFERENCES deployments ON DELETE CASCADE,
    _tenant_id         integer NOT NULL REFERENCES tenants ON DELETE CASCADE,
    _creator_id        integer NOT NULL REFERENCES users ON DELETE CASCADE,
    private_resource   boolean
);

CREATE TABLE nodes (
    _storage_id                 serial PRIMARY KEY,
    id                          text,
    deploy_number_of_instances  integer NOT NULL,
    host_id                     text,
    max_number_of_instances     integer NOT NULL,
    min_number_of_instances     integer NOT NULL,
    number_of_instances         integer NOT NULL,
    planned_number_of_instances integer NOT NULL,
    plugins                     bytea,
    plugins_to_install          bytea,
    properties                  bytea,
    relationships               bytea,
    operations                  bytea,
    type                        text NOT NULL,
    type_hierarchy              bytea,
    _deployment_fk              integer NOT NULL REFERENCES deployments ON DELETE CASCADE,
    _creator_id                 integer NOT NULL REFERENCES users ON DELETE CASCADE,
    _tenant_id                  integer NOT NULL REFERENCES tenants ON DELETE CASCADE,
    private_resource            boolean
);

CREATE TABLE node_instances (
    _storage_id        serial PRIMARY KEY,
    id                 text,
    host_id            text,
    relationships      bytea,
    runtime_properties bytea,
    scaling_groups     bytea,
    state              text NOT NULL,
    version            integer,
    _node_fk           integer NOT NULL REFERENCES nodes ON DELETE CASCADE,
    _creator_id        integer NOT NULL REFERENCES users ON DELETE CASCADE,
    _tenant_id         integer NOT NULL REFERENCES tenants ON DELETE CASCADE,
    private_resource   boolean
);

CREATE TABLE events (
    _storage_id        serial PRIMARY KEY,
    id                 text,
    timestamp          timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    message            text,
    message_code       text,
    event_type         text,
    operation          text,
    node_id            text,
    _execution_fk      integer NOT NULL REFERENCES executions ON DELETE CASCADE,
    _creator_id        integer NOT NULL REFERENCES users ON DELETE CASCADE,
    _tenant_id         integer NOT NULL REFERENCES tenants ON DELETE CASCADE,
    reported_timestamp timestamp NOT NULL,
    error_causes       text,
    private_resource   boolean
);

CREATE TABLE logs (
    _storage_id        serial PRIMARY KEY,
    id                 text,
    timestamp          timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    message            text,
    message_code       text,
    logger             text,
    level              text,
    operation          text,
    node_id            text,
    _execution_fk      integer NOT NULL REFERENCES executions ON DELETE CASCADE,
    _creator_id        integer NOT NULL REFERENCES users ON DELETE CASCADE,
    _tenant_id         integer NOT NULL REFERENCES tenants ON DELETE CASCADE,
    reported_timestamp timestamp NOT NULL,
    private_resource   boolean
);

CREATE TABLE deployment_updates (
    _storage_id                      serial PRIMARY KEY,
    id                               text,
    created_at                       timestamp NOT NULL,
    deployment_plan                  bytea,
    deployment_update_node_instances bytea,
    deployment_update_deployment     bytea,
    deployment_update_nodes          bytea,
    modified_entity_ids              bytea,
    state                            text,
    _execution_fk                    integer REFERENCES executions ON DELETE CASCADE,
    _deployment_fk                   integer NOT NULL REFERENCES deployments ON DELETE CASCADE,
    _creator_id                      integer NOT NULL REFERENCES users ON DELETE CASCADE,
    _tenant_id                       integer NOT NULL REFERENCES tenants ON DELETE CASCADE,
    private_resource                 boolean
);

CREATE TABLE deployment_update_steps (
    _storage_id           serial PRIMARY KEY,
    id                    text,
    action                action_type,
    entity_id             text NOT NULL,
    entity_type           entity_type,
    _deployment_update_fk integer NOT NULL REFERENCES deployment_updates ON DELETE CASCADE,
    _creator_id           integer NOT NULL REFERENCES users ON DELETE CASCADE,
    _tenant_id            integer NOT NULL REFERENCES tenants ON DELETE CASCADE,
    private_resource      boolean
);

CREATE TABLE deployment_modifications (
    _storage_id      serial PRIMARY KEY,
    id               text,
    context          bytea,
    created_at       timestamp NOT NULL,
    ended_at         timestamp,
    modified_nodes   bytea,
    node_instances   bytea,
    status           deployment_modification_status,
    _deployment_fk   integer NOT NULL REFERENCES deployments ON DELETE CASCADE,
    _creator_id      integer NOT NULL REFERENCES users ON DELETE CASCADE,
    _tenant_id       integer NOT NULL REFERENCES tenants ON DELETE CASCADE,
    private_resource boolean
);

CREATE INDEX ix_events_timestamp ON events (timestamp);
CREATE INDEX ix_logs_timestamp ON logs (timestamp);

-- +goose Down
DROP TABLE deployment_modifications, deployment_update_steps, deployment_updates, logs, events, node_instances, nodes, executions, deployments,
    snapshots, secrets, plugins, blueprints, provider_context, groups_tenants, users_tenants, users_groups, users_roles, roles, groups, users, tenants,
    alembic_version;
DROP TYPE snapshot_status, execution_status, entity_type, deployment_modification_status, action_type;
