-- From 4.1.1 to 4.2.0, as the product's own migrations leave it. The roles 'sys_admin' and 'default' must
-- be there before: without them every user loses its role.

CREATE TYPE resource_availability AS ENUM ('private', 'tenant', 'global');

ALTER TABLE blueprints ADD COLUMN resource_availability resource_availability;
ALTER TABLE deployment_modifications ADD COLUMN resource_availability resource_availability;
ALTER TABLE deployment_update_steps ADD COLUMN resource_availability resource_availability;
ALTER TABLE deployment_updates ADD COLUMN resource_availability resource_availability;
ALTER TABLE deployments ADD COLUMN resource_availability resource_availability;
ALTER TABLE events ADD COLUMN resource_availability resource_availability;
ALTER TABLE executions ADD COLUMN resource_availability resource_availability;
ALTER TABLE logs ADD COLUMN resource_availability resource_availability;
ALTER TABLE node_instances ADD COLUMN resource_availability resource_availability;
ALTER TABLE nodes ADD COLUMN resource_availability resource_availability;
ALTER TABLE plugins ADD COLUMN resource_availability resource_availability;
ALTER TABLE secrets ADD COLUMN resource_availability resource_availability;
ALTER TABLE snapshots ADD COLUMN resource_availability resource_availability;

UPDATE blueprints SET resource_availability = CASE WHEN private_resource THEN 'private' ELSE 'tenant' END::resource_availability WHERE private_resource IS NOT NULL;
UPDATE deployment_modifications SET resource_availability = CASE WHEN private_resource THEN 'private' ELSE 'tenant' END::resource_availability WHERE private_resource IS NOT NULL;
UPDATE deployment_update_steps SET resource_availability = CASE WHEN private_resource THEN 'private' ELSE 'tenant' END::resource_availability WHERE private_resource IS NOT NULL;
UPDATE deployment_updates SET resource_availability = CASE WHEN private_resource THEN 'private' ELSE 'tenant' END::resource_availability WHERE private_resource IS NOT NULL;
UPDATE deployments SET resource_availability = CASE WHEN private_resource THEN 'private' ELSE 'tenant' END::resource_availability WHERE private_resource IS NOT NULL;
UPDATE events SET resource_availability = CASE WHEN private_resource THEN 'private' ELSE 'tenant' END::resource_availability WHERE private_resource IS NOT NULL;
UPDATE executions SET resource_availability = CASE WHEN private_resource THEN 'private' ELSE 'tenant' END::resource_availability WHERE private_resource IS NOT NULL;
UPDATE logs SET resource_availability = CASE WHEN private_resource THEN 'private' ELSE 'tenant' END::resource_availability WHERE private_resource IS NOT NULL;
UPDATE node_instances SET resource_availability = CASE WHEN private_resource THEN 'private' ELSE 'tenant' END::resource_availability WHERE private_resource IS NOT NULL;
UPDATE nodes SET resource_availability = CASE WHEN private_resource THEN 'private' ELSE 'tenant' END::resource_availability WHERE private_resource IS NOT NULL;
UPDATE plugins SET resource_availability = CASE WHEN private_resource THEN 'private' ELSE 'tenant' END::resource_availability WHERE private_resource IS NOT NULL;
UPDATE secrets SET resource_availability = CASE WHEN private_resource THEN 'private' ELSE 'tenant' END::resource_availability WHERE private_resource IS NOT NULL;
UPDATE snapshots SET resource_availability = CASE WHEN private_resource THEN 'private' ELSE 'tenant' END::resource_availability WHERE private_resource IS NOT NULL;

ALTER TABLE users_tenants ADD COLUMN role_id integer REFERENCES roles;
ALTER TABLE users_tenants ADD PRIMARY KEY (user_id, tenant_id);
UPDATE users_tenants SET role_id = (SELECT id FROM roles WHERE name = 'user');
ALTER TABLE users_tenants ALTER COLUMN role_id SET NOT NULL;
UPDATE users_roles SET role_id = CASE role_id
    WHEN 1 THEN (SELECT id FROM roles WHERE name = 'sys_admin')
    WHEN 2 THEN (SELECT id FROM roles WHERE name = 'default')
    END WHERE role_id IN (1, 2);

ALTER TABLE groups_tenants ADD COLUMN role_id integer REFERENCES roles;
ALTER TABLE groups_tenants ADD PRIMARY KEY (group_id, tenant_id);
UPDATE groups_tenants SET role_id = (SELECT id FROM roles WHERE name = 'user');
ALTER TABLE groups_tenants ALTER COLUMN role_id SET NOT NULL;

ALTER TABLE node_instances ALTER COLUMN version SET NOT NULL;

UPDATE alembic_version SET version_num = 'f1dab814a4a0';
