package documents

import (
	"context"
	"fmt"
)

var (
	workflows  = []string{"install", "uninstall", "heal", "scale", "update", "execute_operation", "create_deployment_environment", "install_new_agents"}
	systemwide = []string{"create_snapshot", "restore_snapshot", "install_plugin", "uninstall_plugin"}
	final      = []string{"terminated", "failed", "cancelled"}
)

// execute runs a workflow of a deployment or of the system.
func (p *Product) execute(ctx context.Context) error {
	d, ok := p.anyDeployment()
	if !ok || p.rng.IntN(6) == 0 {
		d = nil
	}
	return p.writeExecution(ctx, d, false)
}

// writeExecution runs a workflow from its beginning to its end, with its events and logs.
func (p *Product) writeExecution(ctx context.Context, d *deployment, old bool) error {
	return p.run(ctx, p.uuid(), d, old)
}

func (p *Product) run(ctx context.Context, id string, d *deployment, old bool) error {
	doc := object{
		{"id", id}, {"status", "pending"}, {"deployment_id", nil}, {"workflow_id", pick(p.rng, systemwide)}, {"blueprint_id", nil}, {"created_at", p.created()},
		{"error", pick(p.rng, []any{nil, ""})}, {"parameters", p.properties(2)}, {"is_system_workflow", d == nil || p.rng.IntN(4) == 0},
	}
	if d != nil {
		doc = doc.with("deployment_id", d.id).with("blueprint_id", d.blueprint).with("workflow_id", pick(p.rng, workflows))
		d.executions = append(d.executions, id)
	} else if p.rng.IntN(2) == 0 {
		doc = doc.without("deployment_id", "blueprint_id")
	}
	if old {
		doc = doc.without("is_system_workflow")
	}
	if err := p.create(ctx, "execution", id, doc); err != nil {
		return err
	}
	p.executions = append(p.executions, id)
	if err := p.update(ctx, "execution", id, object{{"status", "started"}}); err != nil {
		return err
	}
	for range 1 + p.rng.IntN(8) {
		p.addEntry(id, d)
	}
	end := object{{"status", pick(p.rng, final)}, {"error", pick(p.rng, []any{"", nil, pick(p.rng, texts), "Traceback (most recent call last):\n  File \"x.py\", line 1"})}}
	return p.update(ctx, "execution", id, end)
}

// addEarlyEvents has events of an execution before the execution is there.
func (p *Product) addEarlyEvents(ctx context.Context) error {
	d, ok := p.anyDeployment()
	if !ok {
		return nil
	}
	id := p.uuid()
	p.addEntry(id, d)
	p.addEntry(id, d)
	if err := p.flush(ctx); err != nil {
		return err
	}
	return p.run(ctx, id, d, false)
}

var entityTypes = []string{"node", "relationship", "property", "operation", "workflow", "output", "description", "group", "policy_type", "policy_trigger", "plugin"}

func (p *Product) addUpdate(ctx context.Context) error {
	d, ok := p.anyDeployment()
	if !ok {
		return nil
	}
	var execution any
	if len(d.executions) > 0 && p.rng.IntN(3) > 0 {
		execution = pick(p.rng, d.executions)
	}
	return p.writeUpdate(ctx, d.id, execution, p.rng.IntN(4))
}

// writeUpdate stages an update, adds its steps one by one, and commits it. All steps have one id.
func (p *Product) writeUpdate(ctx context.Context, deployment string, execution any, steps int) error {
	id := deployment + "-" + p.uuid()
	doc := object{
		{"id", id}, {"deployment_id", deployment}, {"deployment_plan", p.properties(2)}, {"state", "staged"}, {"execution_id", nil}, {"created_at", p.created()},
		{"deployment_update_nodes", nil}, {"deployment_update_node_instances", nil}, {"deployment_update_deployment", nil}, {"modified_entity_ids", nil}, {"steps", []any{}},
	}
	if steps == 0 {
		doc = doc.without("steps")
	}
	if err := p.create(ctx, "deployment_update", id, doc); err != nil {
		return err
	}
	const shared = "6e1c2ec0-8f4e-4f3e-9a55-3b1c5a3f0a01"
	var list []any
	for range steps {
		list = append(list, object{{"id", shared}, {"action", pick(p.rng, []string{"add", "remove", "modify"})}, {"entity_type", pick(p.rng, entityTypes)},
			{"entity_id", fmt.Sprintf("nodes:vm:properties:%d.x y", p.rng.IntN(3))}})
		if err := p.update(ctx, "deployment_update", id, object{{"steps", list}}); err != nil {
			return err
		}
	}
	if p.rng.IntN(3) == 0 {
		return p.update(ctx, "deployment_update", id, object{{"state", "failed"}, {"execution_id", execution}})
	}
	return p.update(ctx, "deployment_update", id, object{
		{"state", pick(p.rng, []string{"successful", "updating", "finalizing"})}, {"execution_id", execution}, {"deployment_update_nodes", []any{p.properties(2)}},
		{"deployment_update_node_instances", object{{"added_and_related", []any{}}}}, {"deployment_update_deployment", p.properties(1)},
		{"modified_entity_ids", object{{"node", []any{"vm"}}, {"relationship", object{}}}},
	})
}

func (p *Product) addModification(ctx context.Context) error {
	d, ok := p.anyDeployment()
	if !ok {
		return nil
	}
	return p.writeModification(ctx, d.id)
}

func (p *Product) writeModification(ctx context.Context, deployment string) error {
	id := p.uuid()
	err := p.create(ctx, "deployment_modification", id, object{
		{"id", id}, {"deployment_id", deployment}, {"context", pick(p.rng, []any{nil, p.properties(2)})}, {"created_at", p.created()}, {"ended_at", nil}, {"status", "started"},
		{"modified_nodes", object{{"vm", object{{"instances", 2}}}}}, {"node_instances", object{{"before_modification", []any{p.properties(2)}}}},
	})
	if err != nil || p.rng.IntN(4) == 0 {
		return err
	}
	return p.update(ctx, "deployment_modification", id, object{{"status", pick(p.rng, []string{"finished", "rolledback"})}, {"ended_at", p.created()}})
}
