package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// table is what becomes of one type of documents.
type table struct {
	name, index, kind string
	columns           []string
	key               func(hit) string // of a row that others refer to
	rows              func(c *copier, h hit) [][]any
}

const (
	storage = "cloudify_storage"
	daily   = "logstash-*"
)

// Columns by the kinds of their values. The others hold texts.
var (
	structures = strings.Fields("plan inputs groups policy_types policy_triggers outputs scaling_groups workflows type_hierarchy properties operations " +
		"relationships plugins plugins_to_install runtime_properties parameters deployment_plan deployment_update_nodes deployment_update_node_instances " +
		"deployment_update_deployment modified_entity_ids modified_nodes node_instances context supported_platform supported_py_versions wheels excluded_wheels")
	integers = strings.Fields("number_of_instances planned_number_of_instances deploy_number_of_instances min_number_of_instances max_number_of_instances")
	times    = strings.Fields("created_at updated_at uploaded_at ended_at")

	enumerations = strings.Fields("snapshot_status execution_status action_type entity_type deployment_modification_status")
)

// tables are in the order of their foreign keys.
var tables = []table{
	entity("provider_context", "provider_context", "name context", meta("id")),
	entity("plugins", "plugin", "id archive_name package_name package_source package_version distribution distribution_version distribution_release "+
		"supported_platform supported_py_versions wheels excluded_wheels uploaded_at"),
	entity("snapshots", "snapshot", "id created_at status error"),
	entity("blueprints", "blueprint", "id plan description main_file_name created_at updated_at"),
	entity("deployments", "deployment", "id created_at updated_at description permalink inputs groups policy_types policy_triggers outputs scaling_groups workflows",
		reference{"_blueprint_fk", "blueprints", true, []string{"blueprint_id"}}),
	entity("nodes", "node", "id type type_hierarchy host_id number_of_instances planned_number_of_instances deploy_number_of_instances "+
		"min_number_of_instances max_number_of_instances properties operations relationships plugins plugins_to_install",
		reference{"_deployment_fk", "deployments", true, []string{"deployment_id"}}),
	entity("node_instances", "node_instance", "id state host_id relationships scaling_groups runtime_properties", meta("version"),
		reference{"_node_fk", "nodes", true, []string{"deployment_id", "node_id"}}),
	entity("executions", "execution", "id workflow_id created_at error parameters is_system_workflow status",
		reference{"_deployment_fk", "deployments", false, []string{"deployment_id"}}),
	entity("deployment_updates", "deployment_update", "id created_at state deployment_plan deployment_update_nodes deployment_update_node_instances "+
		"deployment_update_deployment modified_entity_ids",
		reference{"_deployment_fk", "deployments", true, []string{"deployment_id"}}, reference{"_execution_fk", "executions", false, []string{"execution_id"}}),
	steps,
	entity("deployment_modifications", "deployment_modification", "id context created_at ended_at modified_nodes node_instances status",
		reference{"_deployment_fk", "deployments", true, []string{"deployment_id"}}),
	entry("events", "cloudify_event", "event_type"),
	entry("logs", "cloudify_log", "logger level"),
}

// meta is a column that is no field of the document.
type meta string

// reference is a column that refers to a row of another table.
type reference struct {
	column, table string
	needed        bool // a document without such a row has none
	by            []string
}

func entity(name, kind, fields string, more ...any) table {
	columns := strings.Fields(fields)
	all := slices.Clone(columns)
	for _, m := range more {
		switch m := m.(type) {
		case meta:
			all = append(all, string(m))
		case reference:
			all = append(all, m.column)
		}
	}
	return table{name: name, index: storage, kind: kind, columns: all,
		key: func(h hit) string {
			if name == "nodes" {
				return keyOf(h, "deployment_id", "id")
			}
			return keyOf(h, "id")
		},
		rows: func(c *copier, h hit) [][]any {
			row := make([]any, 0, len(all)+4)
			for _, column := range columns {
				row = append(row, value(column, h.Source[column]))
			}
			for _, m := range more {
				switch m := m.(type) {
				case meta:
					row = append(row, map[meta]any{"id": h.ID, "version": h.Version}[m])
				case reference:
					number, there := c.numbers[m.table][keyOf(h, m.by...)]
					switch {
					case there:
						row = append(row, number)
					case m.needed || h.Source[m.by[0]] != nil && m.table == "deployments":
						return nil
					default:
						row = append(row, nil)
					}
				}
			}
			return [][]any{row}
		}}
}

var steps = table{name: "deployment_update_steps", index: storage, kind: "deployment_update",
	columns: []string{"id", "action", "entity_type", "entity_id", "_deployment_update_fk"},
	rows: func(c *copier, h hit) (rows [][]any) {
		update, there := c.numbers["deployment_updates"][keyOf(h, "id")]
		list, _ := h.Source["steps"].([]any)
		for _, item := range list {
			if step, is := item.(map[string]any); is && there {
				rows = append(rows, []any{text(step["id"]), text(step["action"]), text(step["entity_type"]), text(step["entity_id"]), update})
			}
		}
		return rows
	}}

func entry(name, kind, own string) table {
	fields := strings.Fields(own)
	return table{name: name, index: daily, kind: kind,
		columns: append([]string{"id", "timestamp", "reported_timestamp", "message", "message_code", "operation", "node_id", "_execution_fk"}, fields...),
		rows: func(c *copier, h hit) [][]any {
			about, _ := h.Source["context"].(map[string]any)
			message, _ := h.Source["message"].(map[string]any)
			execution, there := c.numbers["executions"][fmt.Sprint(about["execution_id"])]
			if !there {
				return nil
			}
			at, sent := clock(h.Source["@timestamp"]), clock(h.Source["timestamp"])
			if sent == nil {
				sent = at
			}
			row := []any{h.ID, at, sent, text(message["text"]), text(h.Source["message_code"]), text(about["operation"]), text(about["node_id"]), execution}
			for _, f := range fields {
				row = append(row, text(h.Source[f]))
			}
			return [][]any{row}
		}}
}

func keyOf(h hit, fields ...string) string {
	var parts []string
	for _, f := range fields {
		parts = append(parts, fmt.Sprint(h.Source[f]))
	}
	return strings.Join(parts, "\x00")
}

func value(column string, v any) any {
	switch {
	case slices.Contains(structures, column):
		return structure(v)
	case slices.Contains(integers, column):
		n, _ := v.(json.Number)
		i, _ := n.Int64()
		return int32(i)
	case slices.Contains(times, column):
		return clock(v)
	case column == "is_system_workflow":
		return v == true
	}
	return text(v)
}

func text(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return v
	}
	return string(structure(v).([]byte))
}

// clock reads the forms of time that the documents of a machine without awkward data have; nil for anything else.
func clock(v any) any {
	s, _ := v.(string)
	for _, form := range []string{"2006-01-02T15:04:05.999Z", "2006-01-02 15:04:05.999999", "2006-01-02 15:04:05.999-0700"} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC()
		}
	}
	return nil
}
