-- What in the data would make a migration of this jump fail: each query must return no row.

-- name: users-tenants-empty
-- why: rows of users_tenants name no user or no tenant, and both become the table's key
-- do: delete them: DELETE FROM users_tenants WHERE user_id IS NULL OR tenant_id IS NULL
SELECT user_id, tenant_id FROM users_tenants WHERE user_id IS NULL OR tenant_id IS NULL;

-- name: users-tenants-twice
-- why: users are members of a tenant more than once, and both together become the table's key
-- do: leave one row of each: the columns ctid tell them apart
SELECT user_id, tenant_id, count(*) AS rows, min(ctid::text) AS first, max(ctid::text) AS last
FROM users_tenants WHERE user_id IS NOT NULL AND tenant_id IS NOT NULL
GROUP BY user_id, tenant_id HAVING count(*) > 1 ORDER BY 1, 2;

-- name: groups-tenants-empty
-- why: rows of groups_tenants name no group or no tenant, and both become the table's key
-- do: delete them: DELETE FROM groups_tenants WHERE group_id IS NULL OR tenant_id IS NULL
SELECT group_id, tenant_id FROM groups_tenants WHERE group_id IS NULL OR tenant_id IS NULL;

-- name: groups-tenants-twice
-- why: groups are members of a tenant more than once, and both together become the table's key
-- do: leave one row of each: the columns ctid tell them apart
SELECT group_id, tenant_id, count(*) AS rows, min(ctid::text) AS first, max(ctid::text) AS last
FROM groups_tenants WHERE group_id IS NOT NULL AND tenant_id IS NOT NULL
GROUP BY group_id, tenant_id HAVING count(*) > 1 ORDER BY 1, 2;

-- name: role-missing
-- why: a role that 4.1.1 always has is not there, or is there twice
-- do: have exactly one row of each name in the table roles
SELECT needed AS role, (SELECT count(*) FROM roles WHERE name = needed) AS rows
FROM unnest(ARRAY['admin', 'user']) AS needed WHERE (SELECT count(*) FROM roles WHERE name = needed) <> 1;

-- name: role-twice
-- why: a role of 4.2.0 is there more than once already
-- do: have one row of each name in the table roles
SELECT name AS role, count(*) AS rows FROM roles
WHERE name IN ('sys_admin', 'manager', 'operations', 'viewer', 'default') GROUP BY name HAVING count(*) > 1;

-- name: node-instances-version
-- why: node instances have no version, and 4.2.0 demands one
-- do: give them the first: UPDATE node_instances SET version = 1 WHERE version IS NULL
SELECT n._storage_id, n.id, t.name AS tenant FROM node_instances n LEFT JOIN tenants t ON t.id = n._tenant_id
WHERE n.version IS NULL ORDER BY 1;

-- name: type-there-already
-- why: a type resource_availability is there already, and this upgrade did not make it
-- do: find out who made it; when nothing uses it: DROP TYPE resource_availability
SELECT t.typname AS type, pg_get_userbyid(t.typowner) AS owner, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) AS labels
FROM pg_type t LEFT JOIN pg_enum e ON e.enumtypid = t.oid
WHERE t.typname = 'resource_availability' AND pg_type_is_visible(t.oid)
  AND obj_description(t.oid, 'pg_type') IS DISTINCT FROM 'made by cloudify-upgrade'
GROUP BY t.oid, t.typname, t.typowner;

-- name: column-there-already
-- why: columns that this upgrade adds are there already, and it did not add them
-- do: find out who added them; when nothing uses them: ALTER TABLE ... DROP COLUMN ...
SELECT c.relname AS "table", a.attname AS "column" FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relkind = 'r' AND pg_table_is_visible(c.oid) AND NOT a.attisdropped
  AND (a.attname = 'resource_availability' OR a.attname = 'role_id' AND c.relname IN ('users_tenants', 'groups_tenants'))
  AND NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname IN ('cloudify_upgrade_availability', 'cloudify_upgrade_role'))
ORDER BY 1, 2;
