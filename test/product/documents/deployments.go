package documents

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

var states = []string{"uninitialized", "initializing", "creating", "created", "configuring", "configured", "starting", "started", "stopping", "stopped", "deleting", "deleted"}

func (p *Product) addDeployment(ctx context.Context) error {
	return p.writeDeployment(ctx, &deployment{id: p.name("deployment"), blueprint: pick(p.rng, p.blueprints)}, 1+p.rng.IntN(3), false)
}

// addOldDeployment writes one of release 3.2, with its nodes, instances and executions, which all had fewer fields.
func (p *Product) addOldDeployment(ctx context.Context) error {
	return p.writeDeployment(ctx, &deployment{id: p.name("old"), blueprint: p.blueprints[0]}, 2, true)
}

// addAwkwardIDs writes blueprints and deployments whose ids a URL, a shell or a file system takes for something else.
func (p *Product) addAwkwardIDs(ctx context.Context) error {
	for _, id := range []string{"two words", " blank in front", "dots.and.more", "..", "a/b?c#d%41+&=", `it's "quoted"; $(id) \`, "default_tenant", "UPPER lower", "-", "x:y*z|<>"} {
		at := p.created()
		if err := p.writeBlueprint(ctx, object{{"id", id}, {"plan", p.plan()}, {"description", p.description()}, {"created_at", at}, {"updated_at", at}, {"main_file_name", "b.yaml"}}); err != nil {
			return err
		}
		if err := p.writeDeployment(ctx, &deployment{id: id, blueprint: id}, 1, false); err != nil {
			return err
		}
	}
	return nil
}

func (p *Product) writeDeployment(ctx context.Context, d *deployment, nodes int, old bool) error {
	doc := p.deploymentDoc(d)
	if old {
		doc = doc.without("description", "scaling_groups")
	}
	if err := p.create(ctx, "deployment", d.id, doc); err != nil {
		return err
	}
	p.deployments = append(p.deployments, d)
	for n := range nodes {
		if err := p.writeNode(ctx, d, fmt.Sprintf(pick(p.rng, []string{"vm_%d", "app %d", "db.%d", "Vm%d"}), n), n%2 == 0, old); err != nil {
			return err
		}
	}
	for range 1 + p.rng.IntN(2) {
		if err := p.writeExecution(ctx, d, old); err != nil {
			return err
		}
	}
	return nil
}

func (p *Product) deploymentDoc(d *deployment) object {
	at := p.created()
	return object{
		{"id", d.id}, {"blueprint_id", d.blueprint}, {"created_at", at}, {"updated_at", pick(p.rng, []any{at, nil, p.created()})},
		{"description", p.description()}, {"inputs", p.properties(2)}, {"groups", object{}}, {"policy_types", object{}}, {"policy_triggers", p.properties(1)},
		{"outputs", object{{"endpoint", object{{"description", "where it is"}, {"value", p.value(2)}}}}}, {"permalink", nil}, {"workflows", p.workflows()},
		{"scaling_groups", object{}},
	}
}

func (p *Product) writeNode(ctx context.Context, d *deployment, id string, compute, old bool) error {
	hierarchy, typ := []any{"cloudify.nodes.Root", "cloudify.nodes.SoftwareComponent"}, "cloudify.nodes.SoftwareComponent"
	var host any
	if compute {
		hierarchy, typ, host = []any{"cloudify.nodes.Root", "cloudify.nodes.Compute", "own.Server"}, "own.Server", id
	}
	doc := object{
		{"id", id}, {"deployment_id", d.id}, {"blueprint_id", d.blueprint}, {"type", typ}, {"type_hierarchy", hierarchy}, {"host_id", host},
		{"number_of_instances", 1}, {"planned_number_of_instances", 1}, {"deploy_number_of_instances", 1},
		{"min_number_of_instances", 0}, {"max_number_of_instances", pick(p.rng, []any{-1, 10})},
		{"properties", p.nodeProperties()}, {"operations", p.operations()}, {"relationships", []any{}}, {"plugins", p.nodePlugins(compute)},
		{"plugins_to_install", pick(p.rng, []any{nil, []any{}, []any{object{{"name", "script"}, {"install", true}}}})},
	}
	if len(d.nodes) > 0 {
		doc = doc.with("relationships", []any{object{{"type", "cloudify.relationships.contained_in"}, {"target_id", d.nodes[0]},
			{"type_hierarchy", []any{"cloudify.relationships.depends_on"}}, {"properties", p.properties(1)}, {"source_operations", object{}}, {"target_operations", object{}}}})
	}
	if old {
		doc = doc.without("min_number_of_instances", "max_number_of_instances")
	}
	if err := p.create(ctx, "node", d.id+"_"+id, doc); err != nil {
		return err
	}
	d.nodes = append(d.nodes, id)
	for range 1 + p.rng.IntN(2) {
		if err := p.writeInstance(ctx, d, id, host, old); err != nil {
			return err
		}
	}
	return nil
}

func (p *Product) nodeProperties() any {
	out := p.properties(3)
	if p.rng.IntN(4) == 0 { // which Elasticsearch can never update in parts again
		out = append(out, member{"exact", pick(p.rng, largeNumbers)})
	}
	return out
}

func operation(plugin, name string) object {
	return object{{"plugin", plugin}, {"operation", name}, {"inputs", object{}}, {"executor", "host_agent"}, {"has_intrinsic_functions", false},
		{"max_retries", nil}, {"retry_interval", nil}}
}

func (p *Product) operations() object {
	out := object{{"cloudify.interfaces.lifecycle.start", operation("script", "script_runner.tasks.run")}}
	if p.rng.IntN(4) == 0 { // a Compute has it already
		out = append(out, member{"cloudify.interfaces.cloudify_agent.create_amqp", operation("own", "own.create").with("max_retries", 3)})
	}
	return out
}

func (p *Product) nodePlugins(compute bool) any {
	list := []any{object{{"name", "script"}, {"source", nil}, {"executor", "host_agent"}, {"install", false}, {"install_arguments", nil}, {"package_name", nil}}}
	switch p.rng.IntN(4) {
	case 0:
		return nil
	case 1:
		if compute {
			return append(list, object{{"name", "agent"}, {"source", nil}, {"executor", "central_deployment_agent"}, {"install", true}, {"install_arguments", "own"}})
		}
		return []any{}
	}
	return list
}

func (p *Product) writeInstance(ctx context.Context, d *deployment, node string, host any, old bool) error {
	p.made++
	i := &instance{id: node + "_" + p.letters(hexadecimal, 5) + fmt.Sprint(p.made), version: 1}
	if host != nil {
		host = i.id
	}
	i.doc = object{
		{"id", i.id}, {"node_id", node}, {"deployment_id", d.id}, {"state", pick(p.rng, states)}, {"host_id", host}, {"relationships", []any{}},
		{"runtime_properties", p.runtime()}, {"scaling_groups", pick(p.rng, []any{[]any{}, []any{object{{"id", "g_1"}, {"name", "g"}}}})},
	}
	if old {
		i.doc = i.doc.without("scaling_groups")
	}
	if err := p.create(ctx, "node_instance", i.id, i.doc); err != nil {
		return err
	}
	d.instances = append(d.instances, i)
	return nil
}

// runtime returns an instance's runtime properties: any, with an agent of an older release or this one, or none yet.
func (p *Product) runtime() any {
	out := p.properties(3)
	switch p.rng.IntN(6) {
	case 0:
		return nil
	case 1:
		return object{}
	case 2:
		return append(out, member{"exact", pick(p.rng, largeNumbers)})
	case 3:
		return append(out, member{"cloudify_agent", object{{"name", "a"}, {"queue", "a"}, {"port", raw("22.0")}}},
			member{"agent_status", object{{"agent_alive_crossbroker", true}}})
	case 4:
		return append(out, member{"cloudify_agent", object{{"name", "b"}, {"version", "3.3.1"}, {"broker_config", object{{"broker_ip", "10.0.0.9"}, {"broker_port", 5672}}}}})
	}
	return append(out, member{"agent_status", "no agent yet"})
}

// deleteDeployment deletes one as the product does: what belongs to it by a query, then itself.
func (p *Product) deleteDeployment(ctx context.Context) error {
	d, ok := p.anyDeployment()
	if !ok || len(p.deployments) < 3 {
		return nil
	}
	return p.removeDeployment(ctx, d)
}

func (p *Product) removeDeployment(ctx context.Context, d *deployment) error {
	p.deployments = slices.DeleteFunc(p.deployments, func(other *deployment) bool { return other == d })
	p.executions = slices.DeleteFunc(p.executions, func(id string) bool { return slices.Contains(d.executions, id) })
	if err := p.removeOf(ctx, d.id); err != nil {
		return err
	}
	return p.remove(ctx, "deployment", d.id)
}

// replaceDeployment deletes one and makes another under its id. One whose id has a blank leaves its nodes behind, which are in the way then.
func (p *Product) replaceDeployment(ctx context.Context) error {
	d, ok := p.anyDeployment()
	if !ok || strings.Contains(d.id, " ") {
		return nil
	}
	if err := p.removeDeployment(ctx, d); err != nil {
		return err
	}
	return p.writeDeployment(ctx, &deployment{id: d.id, blueprint: pick(p.rng, p.blueprints)}, 1, false)
}

// deleteWithBlanks deletes "x y", whose nodes stay, and "x", which takes those of "x z" along.
func (p *Product) deleteWithBlanks(ctx context.Context) error {
	for _, id := range []string{"x", "x y", "x z"} {
		if err := p.writeDeployment(ctx, &deployment{id: id, blueprint: p.blueprints[0]}, 2, false); err != nil {
			return err
		}
	}
	last := p.deployments[len(p.deployments)-3:]
	x, xy := last[0], last[1]
	if err := p.flush(ctx); err != nil {
		return err
	}
	if err := p.removeDeployment(ctx, xy); err != nil {
		return err
	}
	return p.removeDeployment(ctx, x)
}
