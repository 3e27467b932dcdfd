package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"onerpm/test/product/internal/elastic"
)

// shown are the fields of each resource's answers. One that a document lacks is null.
var shown = map[string][]string{
	"blueprints": {"id", "created_at", "updated_at", "main_file_name", "plan", "description"},
	"deployments": {"id", "blueprint_id", "created_at", "updated_at", "description", "inputs", "outputs", "groups", "permalink", "policy_triggers", "policy_types",
		"scaling_groups", "workflows"},
	"executions": {"id", "deployment_id", "blueprint_id", "workflow_id", "status", "error", "parameters", "is_system_workflow", "created_at"},
	"nodes": {"id", "deployment_id", "blueprint_id", "type", "type_hierarchy", "host_id", "number_of_instances", "planned_number_of_instances",
		"deploy_number_of_instances", "min_number_of_instances", "max_number_of_instances", "properties", "operations", "plugins", "plugins_to_install", "relationships"},
	"node-instances": {"id", "node_id", "deployment_id", "host_id", "state", "version", "runtime_properties", "relationships", "scaling_groups"},
	"plugins": {"id", "archive_name", "package_name", "package_version", "package_source", "uploaded_at", "supported_platform", "distribution",
		"distribution_version", "distribution_release", "supported_py_versions", "wheels", "excluded_wheels"},
	"snapshots": {"id", "created_at", "status", "error"},
	"deployment-updates": {"id", "deployment_id", "execution_id", "created_at", "state", "steps", "deployment_plan", "deployment_update_nodes",
		"deployment_update_node_instances", "deployment_update_deployment", "modified_entity_ids"},
	"deployment-modifications": {"id", "deployment_id", "created_at", "ended_at", "status", "context", "modified_nodes", "node_instances"},
}

// eventFilters are the fields of events and logs that can be asked for, by the names that the API has for them.
var eventFilters = map[string]string{
	"execution_id": "context.execution_id", "deployment_id": "context.deployment_id", "blueprint_id": "context.blueprint_id",
	"type": "type", "event_type": "event_type", "level": "level", "logger": "logger",
}

// List returns a page of what Elasticsearch finds, and how much there is. A filter on a text is a filter on one of its
// words, cut at blanks: nothing has the id "x y". Documents without a wanted order have none.
func (d *Documents) List(ctx context.Context, _ Viewer, resource string, p Page) ([]Row, int, error) {
	if resource == "events" {
		return d.events(ctx, p)
	}
	fields, ok := shown[resource]
	if !ok {
		return nil, 0, fmt.Errorf("there is no resource %q", resource)
	}
	var must []any
	for name, values := range p.Filters {
		if slices.Contains(fields, name) && name != "version" {
			must = append(must, terms(name, values))
		}
	}
	found, total, err := d.es.Search(ctx, elastic.Storage+"/"+kinds[resource], search(must, p, ""))
	if err != nil {
		return nil, 0, err
	}
	rows := make([]Row, len(found))
	for i, doc := range found {
		if rows[i], err = row(doc, fields); err != nil {
			return nil, 0, err
		}
		rows[i] = rows[i].only(p.Include)
	}
	return rows, total, nil
}

// events answers with the documents as they are.
func (d *Documents) events(ctx context.Context, p Page) ([]Row, int, error) {
	var must []any
	for name, values := range p.Filters {
		if field, ok := eventFilters[name]; ok {
			must = append(must, terms(field+".raw", values))
		}
	}
	found, total, err := d.es.Search(ctx, "logstash-*/cloudify_event,cloudify_log", search(must, p, "@timestamp"))
	if err != nil {
		return nil, 0, err
	}
	rows := make([]Row, len(found))
	for i, doc := range found {
		fields, err := members(doc)
		if err != nil {
			return nil, 0, err
		}
		rows[i] = Row{}
		for name, value := range fields {
			rows[i][name] = value
		}
		rows[i] = rows[i].only(p.Include)
	}
	return rows, total, nil
}

// Get returns the document with that id, also one that no search sees yet, or ErrNotFound.
func (d *Documents) Get(ctx context.Context, _ Viewer, resource, id string) (Row, error) {
	doc, err := d.es.Get(ctx, kinds[resource], id)
	if err != nil {
		return nil, lacking(err)
	}
	return row(doc, shown[resource])
}

func terms(field string, values []string) any {
	return map[string]any{"terms": map[string]any{field: values}}
}

// search is a query for documents that fulfil all of must.
func search(must []any, p Page, order string) any {
	q := map[string]any{"from": p.Offset, "size": p.Size}
	if len(must) > 0 {
		q["query"] = map[string]any{"filtered": map[string]any{"filter": map[string]any{"bool": map[string]any{"must": must}}}}
	}
	by := slices.Clone(p.Sort)
	if len(by) == 0 && order != "" {
		by = []string{order}
	}
	var sort []any
	for _, name := range by {
		name, down := strings.CutPrefix(name, "-")
		direction := "asc"
		if down {
			direction = "desc"
		}
		sort = append(sort, map[string]any{name: map[string]any{"order": direction, "ignore_unmapped": true}})
	}
	if len(sort) > 0 {
		q["sort"] = sort
	}
	return q
}

// members are a document's fields as they stand in it.
func members(doc elastic.Document) (map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(doc.Source, &fields); err != nil {
		return nil, fmt.Errorf("%s %s: %w", doc.Type, doc.ID, err)
	}
	return fields, nil
}

func row(doc elastic.Document, fields []string) (Row, error) {
	have, err := members(doc)
	if err != nil {
		return nil, err
	}
	out := Row{}
	for _, name := range fields {
		out[name] = have[name]
	}
	if slices.Contains(fields, "version") {
		out["version"] = doc.Version
	}
	return out, nil
}

// only returns the wanted fields; none wanted means all.
func (r Row) only(names []string) Row {
	if len(names) == 0 {
		return r
	}
	out := Row{}
	for _, name := range names {
		if v, ok := r[name]; ok {
			out[name] = v
		}
	}
	return out
}
