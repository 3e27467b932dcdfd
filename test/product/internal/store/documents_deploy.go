package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
)

// Plan is what a blueprint comes to.
type Plan struct {
	Description    *string                    `json:"description"`
	Nodes          []PlanNode                 `json:"nodes"`
	Workflows      map[string]json.RawMessage `json:"workflows"`
	Inputs         map[string]json.RawMessage `json:"inputs"`
	Outputs        json.RawMessage            `json:"outputs"`
	Groups         json.RawMessage            `json:"groups"`
	PolicyTypes    json.RawMessage            `json:"policy_types"`
	PolicyTriggers json.RawMessage            `json:"policy_triggers"`
	ScalingGroups  json.RawMessage            `json:"scaling_groups"`
}

// PlanNode is a node of a plan.
type PlanNode struct {
	ID               string          `json:"id"`
	Type             string          `json:"type"`
	Hierarchy        []string        `json:"type_hierarchy"`
	Host             *string         `json:"host_id"`
	Instances        int             `json:"number_of_instances"`
	Properties       json.RawMessage `json:"properties"`
	Operations       json.RawMessage `json:"operations"`
	Plugins          json.RawMessage `json:"plugins"`
	PluginsToInstall json.RawMessage `json:"plugins_to_install"`
	Relationships    []PlanRelation  `json:"relationships"`
}

// PlanRelation leads from a node to another one.
type PlanRelation struct {
	Type      string          `json:"type"`
	Target    string          `json:"target_id"`
	Hierarchy []string        `json:"type_hierarchy"`
	Values    json.RawMessage `json:"properties"`
	Sources   json.RawMessage `json:"source_operations"`
	Targets   json.RawMessage `json:"target_operations"`
}

// CreateDeployment adds a deployment with its nodes and instances, one document after the other. Another of that id is
// ErrConflict, and so is a node's document that is there already, which leaves a deployment that lacks nodes.
func (d *Documents) CreateDeployment(ctx context.Context, id, blueprint string, inputs json.RawMessage) error {
	var from struct {
		Plan Plan `json:"plan"`
	}
	if err := d.read(ctx, "blueprint", blueprint, &from); err != nil {
		return err
	}
	plan, now := from.Plan, local(time.Now())
	err := d.create(ctx, "deployment", id, source{"id": id, "blueprint_id": blueprint, "created_at": now, "updated_at": now, "description": plan.Description,
		"inputs": inputs, "outputs": plan.Outputs, "groups": plan.Groups, "policy_types": plan.PolicyTypes, "policy_triggers": plan.PolicyTriggers,
		"scaling_groups": plan.ScalingGroups, "workflows": plan.Workflows, "permalink": nil})
	if err != nil {
		return err
	}
	for _, n := range plan.Nodes {
		if err := d.createNode(ctx, id, blueprint, n); err != nil {
			return fmt.Errorf("node %s: %w", n.ID, err)
		}
	}
	instances := map[string][]string{}
	for _, n := range plan.Nodes {
		for range n.Instances {
			instance, err := d.createInstance(ctx, id, n, instances)
			if err != nil {
				return fmt.Errorf("instance of %s: %w", n.ID, err)
			}
			instances[n.ID] = append(instances[n.ID], instance)
		}
	}
	return nil
}

func (d *Documents) createNode(ctx context.Context, deployment, blueprint string, n PlanNode) error {
	return d.create(ctx, "node", deployment+"_"+n.ID, source{"id": n.ID, "deployment_id": deployment, "blueprint_id": blueprint, "type": n.Type,
		"type_hierarchy": n.Hierarchy, "host_id": n.Host, "number_of_instances": n.Instances, "planned_number_of_instances": n.Instances,
		"deploy_number_of_instances": n.Instances, "min_number_of_instances": 0, "max_number_of_instances": -1, "properties": n.Properties,
		"operations": n.Operations, "plugins": n.Plugins, "plugins_to_install": n.PluginsToInstall, "relationships": n.Relationships})
}

// createInstance adds an instance of a node. instances are those of the nodes that are there already.
func (d *Documents) createInstance(ctx context.Context, deployment string, n PlanNode, instances map[string][]string) (string, error) {
	id := fmt.Sprintf("%s_%05x", n.ID, rand.IntN(1<<20))
	var host any
	if n.Host != nil && *n.Host == n.ID {
		host = id
	} else if n.Host != nil && len(instances[*n.Host]) > 0 {
		host = instances[*n.Host][0]
	}
	relationships := []any{}
	for _, r := range n.Relationships {
		for _, target := range instances[r.Target] {
			relationships = append(relationships, source{"type": r.Type, "target_name": r.Target, "target_id": target})
		}
	}
	return id, d.create(ctx, "node_instance", id, source{"id": id, "node_id": n.ID, "deployment_id": deployment, "state": "uninitialized", "host_id": host,
		"relationships": relationships, "runtime_properties": source{}, "scaling_groups": []any{}})
}

// DeleteDeployment deletes what belongs to a deployment by a query, and then itself.
func (d *Documents) DeleteDeployment(ctx context.Context, id string) error {
	if err := d.es.DeleteOf(ctx, id); err != nil {
		return err
	}
	return d.Delete(ctx, "deployments", id)
}
