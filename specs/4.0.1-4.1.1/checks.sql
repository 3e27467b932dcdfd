-- What in the data would make a migration of this jump fail: each query must return no row.

-- name: user-names-twice
-- why: users have the same name, which 4.1.1 does not allow
-- do: rename or delete all but one of each
SELECT username, count(*) AS users, min(id) AS first_id, max(id) AS last_id FROM users
WHERE username IS NOT NULL GROUP BY username HAVING count(*) > 1 ORDER BY 1;

-- name: tenant-names-twice
-- why: tenants have the same name, which 4.1.1 does not allow
-- do: rename all but one of each
SELECT name, count(*) AS tenants, min(id) AS first_id, max(id) AS last_id FROM tenants
WHERE name IS NOT NULL GROUP BY name HAVING count(*) > 1 ORDER BY 1;

-- name: group-names-twice
-- why: groups of users have the same name, which 4.1.1 does not allow
-- do: rename all but one of each
SELECT name, count(*) AS groups, min(id) AS first_id, max(id) AS last_id FROM groups
GROUP BY name HAVING count(*) > 1 ORDER BY 1;

-- name: group-ldap-names-twice
-- why: groups of users have the same LDAP name, which 4.1.1 does not allow
-- do: clear ldap_dn in all but one of each
SELECT ldap_dn, count(*) AS groups, min(id) AS first_id, max(id) AS last_id FROM groups
WHERE ldap_dn IS NOT NULL GROUP BY ldap_dn HAVING count(*) > 1 ORDER BY 1;

-- name: role-names-twice
-- why: roles have the same name, which 4.1.1 does not allow
-- do: give their users one of them (users_roles) and delete the others
SELECT name, count(*) AS roles, min(id) AS first_id, max(id) AS last_id FROM roles
GROUP BY name HAVING count(*) > 1 ORDER BY 1;

-- name: timestamp-not-demanded
-- why: the column timestamp takes NULL, which it does not in any 4.0.1 that we know
-- do: fill such rows, then: ALTER TABLE ... ALTER COLUMN timestamp SET NOT NULL
SELECT c.relname AS "table" FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relname IN ('events', 'logs') AND pg_table_is_visible(c.oid) AND a.attname = 'timestamp' AND NOT a.attnotnull;

-- name: timestamp-index-missing
-- why: an index that 4.0.1 always has is missing
-- do: build it: CREATE INDEX CONCURRENTLY ix_<table>_timestamp ON <table> (timestamp)
SELECT 'ix_' || needed || '_timestamp' AS index FROM unnest(ARRAY['events', 'logs']) AS needed
WHERE NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.relkind = 'i' AND pg_table_is_visible(c.oid)
    AND c.relname IN ('ix_' || needed || '_timestamp', needed || '_timestamp_idx'));

-- name: index-name-taken
-- why: names of indexes that this upgrade builds are taken by other indexes or tables
-- do: rename or drop these
SELECT c.relname AS name, CASE c.relkind WHEN 'i' THEN pg_get_indexdef(c.oid) ELSE 'not an index' END AS is
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN (VALUES
    ('blueprints_id_idx', 'CREATE INDEX blueprints_id_idx ON blueprints USING btree (id)'),
    ('blueprints_created_at_idx', 'CREATE INDEX blueprints_created_at_idx ON blueprints USING btree (created_at)'),
    ('deployments_id_idx', 'CREATE INDEX deployments_id_idx ON deployments USING btree (id)'),
    ('deployments_created_at_idx', 'CREATE INDEX deployments_created_at_idx ON deployments USING btree (created_at)'),
    ('executions_id_idx', 'CREATE INDEX executions_id_idx ON executions USING btree (id)'),
    ('executions_created_at_idx', 'CREATE INDEX executions_created_at_idx ON executions USING btree (created_at)'),
    ('nodes_id_idx', 'CREATE INDEX nodes_id_idx ON nodes USING btree (id)'),
    ('nodes_type_idx', 'CREATE INDEX nodes_type_idx ON nodes USING btree (type)'),
    ('node_instances_id_idx', 'CREATE INDEX node_instances_id_idx ON node_instances USING btree (id)'),
    ('deployment_modifications_id_idx', 'CREATE INDEX deployment_modifications_id_idx ON deployment_modifications USING btree (id)'),
    ('deployment_modifications_created_at_idx', 'CREATE INDEX deployment_modifications_created_at_idx ON deployment_modifications USING btree (created_at)'),
    ('deployment_modifications_ended_at_idx', 'CREATE INDEX deployment_modifications_ended_at_idx ON deployment_modifications USING btree (ended_at)'),
    ('deployment_updates_id_idx', 'CREATE INDEX deployment_updates_id_idx ON deployment_updates USING btree (id)'),
    ('deployment_updates_created_at_idx', 'CREATE INDEX deployment_updates_created_at_idx ON deployment_updates USING btree (created_at)'),
    ('deployment_update_steps_id_idx', 'CREATE INDEX deployment_update_steps_id_idx ON deployment_update_steps USING btree (id)'),
    ('plugins_id_idx', 'CREATE INDEX plugins_id_idx ON plugins USING btree (id)'),
    ('plugins_archive_name_idx', 'CREATE INDEX plugins_archive_name_idx ON plugins USING btree (archive_name)'),
    ('plugins_package_name_idx', 'CREATE INDEX plugins_package_name_idx ON plugins USING btree (package_name)'),
    ('plugins_uploaded_at_idx', 'CREATE INDEX plugins_uploaded_at_idx ON plugins USING btree (uploaded_at)'),
    ('secrets_id_idx', 'CREATE INDEX secrets_id_idx ON secrets USING btree (id)'),
    ('secrets_created_at_idx', 'CREATE INDEX secrets_created_at_idx ON secrets USING btree (created_at)'),
    ('snapshots_id_idx', 'CREATE INDEX snapshots_id_idx ON snapshots USING btree (id)'),
    ('snapshots_created_at_idx', 'CREATE INDEX snapshots_created_at_idx ON snapshots USING btree (created_at)'),
    ('logs_id_idx', 'CREATE INDEX logs_id_idx ON logs USING btree (id)'),
    ('events_id_idx', 'CREATE INDEX events_id_idx ON events USING btree (id)')) AS needed (name, definition) ON needed.name = c.relname
WHERE pg_table_is_visible(c.oid) AND (c.relkind <> 'i' OR replace(pg_get_indexdef(c.oid), ' ON ' || n.nspname || '.', ' ON ') <> definition);

-- name: unique-index-name-taken
-- why: unique indexes that this upgrade builds are there already
-- do: drop them
SELECT c.relname AS name FROM pg_class c WHERE pg_table_is_visible(c.oid)
  AND c.relname IN ('groups_ldap_dn_idx', 'groups_name_idx', 'roles_name_idx', 'tenants_name_idx', 'users_username_idx');
