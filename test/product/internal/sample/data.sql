-- What a host in use has in its database. Settings: demo.bulk (rows of events and of logs),
-- demo.deployments, demo.hosts (of a deployment, each with an agent), demo.agents (host:port), demo.version (of the agents).

CREATE FUNCTION pg_temp.private(i integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS
    'SELECT CASE i % 3 WHEN 0 THEN false WHEN 1 THEN true END';
CREATE FUNCTION pg_temp.json(v jsonb) RETURNS bytea LANGUAGE sql IMMUTABLE AS
    $$ SELECT convert_to(v::text, 'UTF8') $$;

INSERT INTO tenants (name) VALUES ('acme'), ('globex');
INSERT INTO groups (name, ldap_dn) VALUES ('developers', 'cn=developers,dc=example,dc=org'), ('operators', NULL);

INSERT INTO users_groups
    SELECT u.id, g.id FROM users u, groups g
    WHERE (u.username, g.name) IN (('alice', 'developers'), ('bob', 'developers'), ('dave', 'operators'))
    ORDER BY u.id, g.id;

-- who creates things in which tenant
CREATE TEMPORARY TABLE people ON COMMIT DROP AS
    SELECT t.id AS tenant, t.name AS tenant_name, u.id AS person, row_number() OVER (PARTITION BY t.id ORDER BY u.id) - 1 AS n,
        count(*) OVER (PARTITION BY t.id) AS people
    FROM (VALUES ('default_tenant', 'admin'), ('default_tenant', 'alice'), ('acme', 'alice'), ('acme', 'bob'),
        ('globex', 'carol'), ('globex', 'dave')) AS v (tenant, person)
    JOIN tenants t ON t.name = v.tenant JOIN users u ON u.username = v.person;
CREATE TEMPORARY TABLE places ON COMMIT DROP AS
    SELECT DISTINCT tenant, tenant_name, dense_rank() OVER (ORDER BY tenant) - 1 AS place FROM people;

INSERT INTO blueprints (id, created_at, updated_at, main_file_name, plan, description, _tenant_id, _creator_id, private_resource)
    SELECT 'blueprint-' || place || '-' || i, at, at, 'blueprint.yaml',
        pg_temp.json('{"nodes": [{"id": "host"}, {"id": "app"}]}'), 'Blueprint ' || i || ' of ' || l.tenant_name,
        l.tenant, p.person, pg_temp.private(i + place::int)
    FROM places l CROSS JOIN generate_series(0, 3) i JOIN people p ON p.tenant = l.tenant AND p.n = i % p.people,
        LATERAL (SELECT timestamp '2017-03-01' + make_interval(hours => i)) a (at)
    ORDER BY place, i;

INSERT INTO plugins (id, archive_name, package_name, package_version, package_source, supported_platform, supported_py_versions,
        uploaded_at, wheels, _tenant_id, _creator_id, private_resource)
    SELECT 'plugin-' || place || '-' || i, 'plugin-' || i || '.wgn', 'cloudify-plugin-' || i, '1.' || i, 'cloudify-plugin-' || i,
        pg_temp.json('"linux_x86_64"'), pg_temp.json('["py27"]'), timestamp '2017-03-02' + make_interval(hours => i),
        pg_temp.json('["plugin.whl"]'), l.tenant, p.person, pg_temp.private(i + place::int)
    FROM places l CROSS JOIN generate_series(0, 2) i JOIN people p ON p.tenant = l.tenant AND p.n = i % p.people
    ORDER BY place, i;

INSERT INTO secrets (id, value, created_at, updated_at, _tenant_id, _creator_id, private_resource)
    SELECT 'key-' || i, 'value-' || place || '-' || i, timestamp '2017-03-03', NULL, l.tenant, p.person, pg_temp.private(i)
    FROM places l CROSS JOIN generate_series(0, 2) i JOIN people p ON p.tenant = l.tenant AND p.n = i % p.people
    ORDER BY place, i;

INSERT INTO snapshots (id, created_at, status, error, _tenant_id, _creator_id, private_resource)
    SELECT 'snapshot-' || i, timestamp '2017-03-04', CASE i WHEN 2 THEN 'failed' ELSE 'created' END::snapshot_status,
        CASE i WHEN 2 THEN 'disk full' ELSE '' END, 0, 0, pg_temp.private(i)
    FROM generate_series(0, 2) i;

INSERT INTO deployments (id, created_at, updated_at, description, inputs, groups, permalink, policy_triggers, policy_types, outputs,
        scaling_groups, workflows, _blueprint_fk, _creator_id, _tenant_id, private_resource)
    SELECT 'deployment-' || i, at, at, 'Deployment ' || i, pg_temp.json(jsonb_build_object('size', i)), pg_temp.json('{}'), NULL,
        pg_temp.json('{}'), pg_temp.json('{}'), pg_temp.json('{"endpoint": {"value": "http://app"}}'), pg_temp.json('{}'),
        pg_temp.json('{"install": {"operation": "cloudify.plugins.workflows.install", "plugin": "default_workflows", "parameters": {}},
            "uninstall": {"operation": "cloudify.plugins.workflows.uninstall", "plugin": "default_workflows", "parameters": {}},
            "sleep": {"operation": "demo.sleep", "plugin": "default_workflows", "parameters": {"seconds": {"default": 1}, "fail": {"default": false}}},
            "install_new_agents": {"operation": "cloudify.plugins.workflows.install_new_agents", "plugin": "default_workflows",
                "parameters": {"install_agent_timeout": {"default": 300}, "node_ids": {"default": []}, "node_instance_ids": {"default": []},
                    "validate": {"default": true}, "install": {"default": true}}}}'),
        b._storage_id, b._creator_id, b._tenant_id, pg_temp.private(i)
    FROM generate_series(0, current_setting('demo.deployments')::int - 1) i
    JOIN blueprints b ON b.id = 'blueprint-' || i % 3 || '-' || i / 3 % 4,
        LATERAL (SELECT timestamp '2017-03-05' + make_interval(mins => i)) a (at)
    ORDER BY i;

INSERT INTO nodes (id, deploy_number_of_instances, host_id, max_number_of_instances, min_number_of_instances, number_of_instances,
        planned_number_of_instances, plugins, plugins_to_install, properties, relationships, operations, type, type_hierarchy,
        _deployment_fk, _creator_id, _tenant_id, private_resource)
    SELECT n.id, n.many, 'host', -1, 0, n.many, n.many, pg_temp.json('[]'), pg_temp.json('[]'), pg_temp.json('{"port": 8080}'),
        pg_temp.json('[]'), pg_temp.json('{}'), n.type, pg_temp.json(jsonb_build_array('cloudify.nodes.Root', n.type)),
        d._storage_id, d._creator_id, d._tenant_id, d.private_resource
    FROM deployments d, (VALUES ('host', current_setting('demo.hosts')::int, 'cloudify.nodes.Compute'), ('app', 2, 'cloudify.nodes.WebServer')) AS n (id, many, type)
    ORDER BY d._storage_id, n.id;

INSERT INTO node_instances (id, host_id, relationships, runtime_properties, scaling_groups, state, version, _node_fk,
        _creator_id, _tenant_id, private_resource)
    SELECT n.id || '_' || d._storage_id || '_' || i, 'host_' || d._storage_id || '_1', pg_temp.json('[]'),
        pg_temp.json(CASE n.id WHEN 'host' THEN jsonb_build_object('ip', '10.0.0.' || d._storage_id % 250,
            'cloudify_agent', jsonb_build_object('name', 'agent-' || d.id || CASE i WHEN 1 THEN '' ELSE '-' || i END, 'version', current_setting('demo.version'),
                'address', current_setting('demo.agents'), 'package', 'centos-core')) ELSE '{}' END),
        pg_temp.json('[]'), 'started', 1 + i, n._storage_id, n._creator_id, n._tenant_id, n.private_resource
    FROM nodes n JOIN deployments d ON d._storage_id = n._deployment_fk CROSS JOIN LATERAL generate_series(1, n.number_of_instances) i
    ORDER BY n._storage_id, i;

INSERT INTO executions (id, created_at, error, is_system_workflow, parameters, status, workflow_id, _deployment_fk, _tenant_id,
        _creator_id, private_resource)
    SELECT w.id || '-' || d.id, d.created_at + w.after, w.error, false, pg_temp.json('{}'), w.status::execution_status, w.id,
        d._storage_id, d._tenant_id, d._creator_id, d.private_resource
    FROM deployments d, (VALUES ('create_deployment_environment', interval '1 s', 'terminated', ''), ('install', '1 min', 'terminated', ''),
        ('heal', '1 day', 'failed', 'host unreachable'), ('scale', '2 days', 'cancelled', '')) AS w (id, after, status, error)
    ORDER BY d._storage_id, w.after;
INSERT INTO executions (id, created_at, error, is_system_workflow, parameters, status, workflow_id, _deployment_fk, _tenant_id,
        _creator_id, private_resource)
    SELECT 'create_snapshot-' || i, timestamp '2017-03-04', '', true, pg_temp.json('{"snapshot_id": "snapshot-0"}'), 'terminated', 'create_snapshot',
        NULL, 0, 0, NULL
    FROM generate_series(0, 1) i;

INSERT INTO deployment_updates (id, created_at, deployment_plan, modified_entity_ids, state, _execution_fk, _deployment_fk, _creator_id,
        _tenant_id, private_resource)
    SELECT 'update-' || d.id, d.created_at + interval '1 day', pg_temp.json('{}'), pg_temp.json('{"node": ["app"]}'), 'successful', e._storage_id,
        d._storage_id, d._creator_id, d._tenant_id, d.private_resource
    FROM deployments d JOIN executions e ON e.id = 'install-' || d.id WHERE d._storage_id % 2 = 1
    ORDER BY d._storage_id;
INSERT INTO deployment_update_steps (id, action, entity_id, entity_type, _deployment_update_fk, _creator_id, _tenant_id, private_resource)
    SELECT 'step-' || a || '-' || u.id, a, 'nodes:app', 'node', u._storage_id, u._creator_id, u._tenant_id, u.private_resource
    FROM deployment_updates u, unnest(enum_range(NULL::action_type)) a ORDER BY u._storage_id, a;
INSERT INTO deployment_modifications (id, context, created_at, ended_at, modified_nodes, node_instances, status, _deployment_fk, _creator_id,
        _tenant_id, private_resource)
    SELECT 'modification-' || d.id, pg_temp.json('{}'), d.created_at + interval '2 days', d.created_at + interval '2 days 1 min',
        pg_temp.json('{"app": {"instances": 2}}'), pg_temp.json('{}'), 'finished', d._storage_id, d._creator_id, d._tenant_id, d.private_resource
    FROM deployments d WHERE d._storage_id % 4 = 1
    ORDER BY d._storage_id;

CREATE TEMPORARY TABLE ran ON COMMIT DROP AS
    SELECT row_number() OVER (ORDER BY e._storage_id) - 1 AS n, e.*, 'host_' || e._deployment_fk || '_1' AS host
    FROM executions e WHERE NOT is_system_workflow;
ALTER TABLE ran ADD PRIMARY KEY (n);

INSERT INTO events (id, timestamp, reported_timestamp, message, message_code, event_type, operation, node_id, error_causes,
        _execution_fk, _creator_id, _tenant_id, private_resource)
    SELECT NULL, at, at - interval '5 ms', 'Task succeeded ' || i, NULL, (ARRAY['sending_task', 'task_started', 'task_succeeded'])[1 + i % 3],
        'cloudify.interfaces.lifecycle.start', r.host, NULL, r._storage_id, r._creator_id, r._tenant_id, r.private_resource
    FROM generate_series(0, current_setting('demo.bulk')::int - 1) i JOIN ran r ON r.n = i % (SELECT count(*) FROM ran),
        LATERAL (SELECT r.created_at + make_interval(secs => i % 3600)) a (at)
    ORDER BY i;
INSERT INTO logs (id, timestamp, reported_timestamp, message, message_code, logger, level, operation, node_id,
        _execution_fk, _creator_id, _tenant_id, private_resource)
    SELECT NULL, at, at - interval '5 ms', 'line ' || i, NULL, 'ctx.lifecycle', (ARRAY['info', 'debug', 'warning', 'error'])[1 + i % 4],
        'cloudify.interfaces.lifecycle.start', r.host, r._storage_id, r._creator_id, r._tenant_id, r.private_resource
    FROM generate_series(0, current_setting('demo.bulk')::int - 1) i JOIN ran r ON r.n = i % (SELECT count(*) FROM ran),
        LATERAL (SELECT r.created_at + make_interval(secs => i % 3600)) a (at)
    ORDER BY i;
