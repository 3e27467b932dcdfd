package store

import (
	"context"
	"encoding/json"
	"time"
)

// Step is one step of an update of a deployment.
type Step struct {
	ID     string `json:"id"`
	Action string `json:"action"`      // add, remove or modify
	Type   string `json:"entity_type"` // node, relationship, property ...
	Entity string `json:"entity_id"`   // nodes:app:properties:port
}

// AddUpdate stages an update of a deployment, adds its steps one by one and marks it as one that an execution carries out.
func (d *Documents) AddUpdate(ctx context.Context, id, deployment, execution string, plan json.RawMessage, steps []Step) error {
	err := d.create(ctx, "deployment_update", id, source{"id": id, "deployment_id": deployment, "deployment_plan": plan, "state": "staged", "execution_id": nil,
		"created_at": local(time.Now()), "deployment_update_nodes": nil, "deployment_update_node_instances": nil, "deployment_update_deployment": nil,
		"modified_entity_ids": nil, "steps": []any{}})
	if err != nil {
		return err
	}
	for i := range steps {
		if err := d.quietly(ctx, id, source{"steps": steps[:i+1]}); err != nil {
			return err
		}
	}
	return d.quietly(ctx, id, source{"state": "executing_workflow", "execution_id": execution})
}

// FinishUpdate records what an update has changed.
func (d *Documents) FinishUpdate(ctx context.Context, id string, steps []Step) error {
	changed := map[string][]string{}
	for _, s := range steps {
		changed[s.Type] = append(changed[s.Type], s.Entity)
	}
	return d.quietly(ctx, id, source{"state": "successful", "modified_entity_ids": changed, "deployment_update_nodes": []any{},
		"deployment_update_node_instances": source{"added_and_related": []any{}, "removed_and_related": []any{}, "extended_and_related": []any{}, "reduced_and_related": []any{}},
		"deployment_update_deployment":     source{}})
}

// quietly changes an update's fields. It is the only write beside a deletion by query after which a search sees the old document
// for up to a second.
func (d *Documents) quietly(ctx context.Context, id string, fields source) error {
	body, err := fields.json()
	if err != nil {
		return err
	}
	return lacking(d.es.UpdateQuietly(ctx, "deployment_update", id, body))
}

// StartModification adds a modification of the number of a deployment's instances, and plans them.
func (d *Documents) StartModification(ctx context.Context, id, deployment string, about json.RawMessage, nodes map[string]int) error {
	if _, err := d.es.Get(ctx, "deployment", deployment); err != nil {
		return lacking(err)
	}
	modified := source{}
	for node, n := range nodes {
		modified[node] = source{"instances": n}
		if err := d.update(ctx, "node", deployment+"_"+node, source{"planned_number_of_instances": n}); err != nil {
			return err
		}
	}
	return d.create(ctx, "deployment_modification", id, source{"id": id, "deployment_id": deployment, "context": about, "created_at": local(time.Now()), "ended_at": nil,
		"status": "started", "modified_nodes": modified,
		"node_instances": source{"before_modification": []any{}, "before_rollback": nil, "added_and_related": []any{}, "removed_and_related": []any{}}})
}

// EndModification finishes a modification or takes it back: finished or rolledback.
func (d *Documents) EndModification(ctx context.Context, id, status string) error {
	var m struct {
		Deployment string `json:"deployment_id"`
		Status     string `json:"status"`
		Nodes      map[string]struct {
			Instances int `json:"instances"`
		} `json:"modified_nodes"`
	}
	if err := d.read(ctx, "deployment_modification", id, &m); err != nil {
		return err
	}
	if m.Status != "started" {
		return ErrConflict
	}
	for node, n := range m.Nodes {
		change := source{"number_of_instances": n.Instances}
		if status == "rolledback" {
			var before struct {
				Number int `json:"number_of_instances"`
			}
			if err := d.read(ctx, "node", m.Deployment+"_"+node, &before); err != nil {
				return err
			}
			change = source{"planned_number_of_instances": before.Number}
		}
		if err := d.update(ctx, "node", m.Deployment+"_"+node, change); err != nil {
			return err
		}
	}
	return d.update(ctx, "deployment_modification", id, source{"status": status, "ended_at": local(time.Now())})
}
