package store

import (
	"fmt"
	"slices"
)

// resource is a kind of row that the REST service lists: from which tables, and
// which fields it shows.
type resource struct {
	from    string  // FROM clause; the resource itself is r, its tenant t, its creator u
	fields  []field // in the order of the real answers
	order   string  // default ORDER BY
	filters map[string]string
	shared  bool // has _tenant_id, _creator_id and the columns of visibility
}

type field struct {
	name string
	expr string // SQL
	json bool   // a structured value kept as JSON text in a bytea
}

const owners = ` JOIN tenants t ON t.id = r._tenant_id JOIN users u ON u.id = r._creator_id`

func plain(names ...string) []field {
	out := make([]field, len(names))
	for i, n := range names {
		out[i] = field{name: n, expr: "r." + n}
	}
	return out
}

func structured(names ...string) []field {
	out := make([]field, len(names))
	for i, n := range names {
		out[i] = field{name: n, expr: "r." + n, json: true}
	}
	return out
}

func as(name, expr string) []field { return []field{{name: name, expr: expr}} }

// steps are an update's, in their order.
var steps = []field{{name: "steps", json: true, expr: `convert_to(coalesce((SELECT json_agg(json_build_object('id', s.id, 'action', s.action,
	'entity_type', s.entity_type, 'entity_id', s.entity_id) ORDER BY s._storage_id) FROM deployment_update_steps s
	WHERE s._deployment_update_fk = r._storage_id), '[]')::text, 'UTF8')`}}

func join(parts ...[]field) []field {
	var out []field
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// shared returns a table that belongs to tenants, with the fields all of them show.
func (db *DB) shared(table, joins, order string, fields ...[]field) resource {
	all := slices.Concat(fields, [][]field{as("tenant_name", "t.name"), as("created_by", "u.username"), plain("private_resource")})
	if db.release.Availability {
		all = append(all, as("resource_availability", "r.resource_availability::text"))
	}
	return resource{
		from: table + " r" + joins + owners, order: order, shared: true, fields: join(all...),
		filters: map[string]string{"id": "r.id"},
	}
}

func (r resource) by(name, expr string) resource {
	r.filters[name] = expr
	return r
}

// all returns what can be listed, by the name it has in the API.
func (db *DB) all() map[string]resource {
	const (
		ofDeployment = " JOIN deployments d ON d._storage_id = r._deployment_fk"
		maybeOf      = " LEFT JOIN deployments d ON d._storage_id = r._deployment_fk LEFT JOIN blueprints b ON b._storage_id = d._blueprint_fk"
	)
	return map[string]resource{
		"blueprints": db.shared("blueprints", "", "r.created_at",
			plain("id", "created_at", "updated_at", "main_file_name"), structured("plan"), plain("description")),
		"deployments": db.shared("deployments", " JOIN blueprints b ON b._storage_id = r._blueprint_fk", "r.created_at",
			plain("id"), as("blueprint_id", "b.id"), plain("created_at", "updated_at", "description"),
			structured("inputs", "outputs", "groups"), plain("permalink"),
			structured("policy_triggers", "policy_types", "scaling_groups", "workflows")).by("blueprint_id", "b.id"),
		"executions": db.shared("executions", maybeOf, "r.created_at",
			plain("id"), as("deployment_id", "d.id"), as("blueprint_id", "b.id"), plain("workflow_id"),
			as("status", "r.status::text"), plain("error"), structured("parameters"), plain("is_system_workflow", "created_at")).
			by("deployment_id", "d.id").by("status", "r.status::text").by("workflow_id", "r.workflow_id").by("is_system_workflow", "r.is_system_workflow::text"),
		"nodes": db.shared("nodes", ofDeployment+" JOIN blueprints b ON b._storage_id = d._blueprint_fk", "r._storage_id",
			plain("id"), as("deployment_id", "d.id"), as("blueprint_id", "b.id"), plain("type"), structured("type_hierarchy"), plain("host_id",
				"number_of_instances", "planned_number_of_instances", "deploy_number_of_instances", "min_number_of_instances", "max_number_of_instances"),
			structured("properties", "operations", "plugins", "plugins_to_install", "relationships")).by("deployment_id", "d.id"),
		"node-instances": db.shared("node_instances",
			" JOIN nodes n ON n._storage_id = r._node_fk JOIN deployments d ON d._storage_id = n._deployment_fk", "r._storage_id",
			plain("id"), as("node_id", "n.id"), as("deployment_id", "d.id"), plain("host_id", "state", "version"),
			structured("runtime_properties", "relationships", "scaling_groups")).by("deployment_id", "d.id").by("node_id", "n.id").by("state", "r.state"),
		"plugins": db.shared("plugins", "", "r.uploaded_at",
			plain("id", "archive_name", "package_name", "package_version", "package_source", "uploaded_at", "distribution", "distribution_version",
				"distribution_release"), structured("supported_platform", "supported_py_versions", "wheels", "excluded_wheels")),
		"secrets":   db.shared("secrets", "", "r.created_at", as("key", "r.id"), plain("created_at", "updated_at")),
		"snapshots": db.shared("snapshots", "", "r.created_at", plain("id", "created_at"), as("status", "r.status::text"), plain("error")),
		"deployment-updates": db.shared("deployment_updates", ofDeployment+" LEFT JOIN executions e ON e._storage_id = r._execution_fk", "r.created_at",
			plain("id", "created_at", "state"), as("deployment_id", "d.id"), as("execution_id", "e.id"), steps, structured("deployment_plan", "deployment_update_nodes",
				"deployment_update_node_instances", "deployment_update_deployment", "modified_entity_ids")).by("deployment_id", "d.id"),
		"deployment-modifications": db.shared("deployment_modifications", ofDeployment, "r.created_at",
			plain("id", "created_at", "ended_at"), as("status", "r.status::text"), as("deployment_id", "d.id"),
			structured("context", "modified_nodes", "node_instances")).by("deployment_id", "d.id"),
		"events": db.events(),
		"tenants": {
			from: "tenants r", order: "r.id",
			fields: join(plain("name"), as("groups", "(SELECT count(*) FROM groups_tenants g WHERE g.tenant_id = r.id)"),
				as("users", "(SELECT count(*) FROM users_tenants g WHERE g.tenant_id = r.id)")),
			filters: map[string]string{"name": "r.name"},
		},
		"users": {
			from: "users r", order: "r.id",
			fields: join(plain("username", "active", "last_login_at"),
				as("role", "(SELECT max(o.name) FROM users_roles x JOIN roles o ON o.id = x.role_id WHERE x.user_id = r.id)"),
				as("tenants", "(SELECT count(*) FROM users_tenants x WHERE x.user_id = r.id)"),
				as("groups", "(SELECT count(*) FROM users_groups x WHERE x.user_id = r.id)")),
			filters: map[string]string{"username": "r.username"},
		},
		"user-groups": {
			from: "groups r", order: "r.id",
			fields: join(plain("name", "ldap_dn"), as("users", "(SELECT count(*) FROM users_groups x WHERE x.group_id = r.id)")),
		},
	}
}

// events are the rows of both events and logs.
func (db *DB) events() resource {
	common := `_storage_id, timestamp, reported_timestamp, message, operation, node_id, _execution_fk, _tenant_id, _creator_id, private_resource`
	if db.release.Availability {
		common += ", resource_availability"
	}
	union := fmt.Sprintf(`(SELECT 'cloudify_event' AS type, %[1]s, event_type, error_causes, NULL AS logger, NULL AS level FROM events
		UNION ALL SELECT 'cloudify_log', %[1]s, NULL, NULL, logger, level FROM logs)`, common)
	r := db.shared(union, ` JOIN executions e ON e._storage_id = r._execution_fk
		LEFT JOIN deployments d ON d._storage_id = e._deployment_fk LEFT JOIN blueprints b ON b._storage_id = d._blueprint_fk
		LEFT JOIN node_instances i ON i.id = r.node_id AND i._tenant_id = r._tenant_id LEFT JOIN nodes n ON n._storage_id = i._node_fk`,
		"r.timestamp", plain("type", "timestamp", "reported_timestamp"),
		as("blueprint_id", "b.id"), as("deployment_id", "d.id"), as("execution_id", "e.id"), as("workflow_id", "e.workflow_id"),
		plain("message", "error_causes", "operation"), as("node_instance_id", "r.node_id"), as("node_name", "n.id"),
		plain("event_type", "logger", "level"))
	delete(r.filters, "id")
	return r.by("execution_id", "e.id").by("deployment_id", "d.id").by("type", "r.type").by("event_type", "r.event_type")
}
