package documents

import (
	"context"
	"fmt"
	"net/http"
	"slices"
)

func (p *Product) addContext(ctx context.Context) error {
	return p.create(ctx, "provider_context", "CONTEXT", object{
		{"name", "provider"},
		{"context", object{
			{"cloudify", object{
				{"cloudify_agent", object{{"min_workers", 2}, {"max_workers", 5}, {"remote_execution_port", 22}, {"user", "centos"},
					{"agent_key_path", "~/.ssh/agent_key.pem"}}},
				{"workflows", object{{"task_retries", -1}, {"task_retry_interval", raw("15.0")}}},
				{"policy_engine", object{{"start_timeout", 30}}},
				{"resources_prefix", ""},
			}},
			{"resources", object{{"a.b", pick(p.rng, objects)}, {"ratio", raw("-0.0")}}},
		}},
	})
}

// changeContext is what `cfy` does with the provider context: fields, in part.
func (p *Product) changeContext(ctx context.Context) error {
	return p.update(ctx, "provider_context", "CONTEXT", object{{"context", object{{"resources", object{{"changed", p.made}}}}}})
}

func (p *Product) addBlueprint(ctx context.Context) error {
	at := p.created()
	return p.writeBlueprint(ctx, object{
		{"id", p.name("blueprint")}, {"plan", p.plan()}, {"description", p.description()}, {"created_at", at}, {"updated_at", at},
		{"main_file_name", pick(p.rng, []string{"blueprint.yaml", "singlehost blueprint.yaml"})},
	})
}

// addOldBlueprint writes one of release 3.2, which had fewer fields.
func (p *Product) addOldBlueprint(ctx context.Context) error {
	at := p.created()
	return p.writeBlueprint(ctx, object{{"id", p.name("old")}, {"plan", p.plan()}, {"created_at", at}, {"updated_at", at}})
}

func (p *Product) writeBlueprint(ctx context.Context, doc object) error {
	id := doc[0].value.(string)
	p.blueprints = append(p.blueprints, id)
	return p.create(ctx, "blueprint", id, doc)
}

// replaceBlueprint deletes one that no deployment uses and uploads another under its id.
func (p *Product) replaceBlueprint(ctx context.Context) error {
	id := pick(p.rng, p.blueprints)
	if slices.ContainsFunc(p.deployments, func(d *deployment) bool { return d.blueprint == id }) {
		return nil
	}
	p.blueprints = slices.DeleteFunc(p.blueprints, func(other string) bool { return other == id })
	if err := p.remove(ctx, "blueprint", id); err != nil {
		return err
	}
	at := p.created()
	return p.writeBlueprint(ctx, object{{"id", id}, {"plan", p.plan()}, {"description", "again"}, {"created_at", at}, {"updated_at", at}, {"main_file_name", "again.yaml"}})
}

func (p *Product) plan() object {
	return object{
		{"nodes", []any{object{{"id", "vm"}, {"properties", p.properties(2)}}}}, {"relationships", []any{}}, {"workflows", p.workflows()},
		{"inputs", p.properties(1)}, {"outputs", object{}}, {"groups", object{}}, {"scaling_groups", object{}},
		{"deployment_plugins_to_install", []any{}}, {"version", object{{"raw", "cloudify_dsl_1_3"}, {"definitions_version", []any{1, 3}}}},
		{"description", nil}, {"exact", pick(p.rng, largeNumbers)},
	}
}

func (p *Product) workflows() object {
	out := object{{"install", object{{"operation", "cloudify.plugins.lifecycle.install"}, {"plugin", "default_workflows"}, {"parameters", object{}}}}}
	if p.rng.IntN(3) == 0 { // the blueprint's own
		out = append(out, member{"install_new_agents", object{{"operation", "own.install"}, {"plugin", "own"},
			{"parameters", object{{"timeout", object{{"default", raw("1.0")}}}}}}})
	}
	return out
}

func (p *Product) addPlugin(ctx context.Context) error {
	return p.writePlugin(ctx, object{{"excluded_wheels", pick(p.rng, []any{nil, []any{}, []any{"other-1.0.whl"}})}})
}

// addOldPlugin writes one without the field that came last.
func (p *Product) addOldPlugin(ctx context.Context) error { return p.writePlugin(ctx, nil) }

func (p *Product) writePlugin(ctx context.Context, more object) error {
	id := p.uuid()
	p.plugins = append(p.plugins, id)
	return p.create(ctx, "plugin", id, append(object{
		{"id", id}, {"package_name", "cloudify-plugin"}, {"archive_name", fmt.Sprintf("cloudify_plugin-1.%d-py27-none-any.wgn", p.made)},
		{"package_source", pick(p.rng, []any{nil, "git+https://example.org/plugin"})}, {"package_version", "1.0"}, {"supported_platform", "linux_x86_64"},
		{"distribution", pick(p.rng, []any{nil, "centos"})}, {"distribution_version", "7.2.1511"}, {"distribution_release", pick(p.rng, []any{nil, "core"})},
		{"wheels", []any{"plugin-1.0.whl", "grün-1.0.whl"}}, {"supported_py_versions", []any{"py27"}}, {"uploaded_at", p.created()},
	}, more...))
}

func (p *Product) deletePlugin(ctx context.Context) error {
	if len(p.plugins) < 2 {
		return nil
	}
	id := pick(p.rng, p.plugins)
	p.plugins = slices.DeleteFunc(p.plugins, func(s string) bool { return s == id })
	return p.remove(ctx, "plugin", id)
}

func (p *Product) addSnapshot(ctx context.Context) error {
	return p.writeSnapshot(ctx, p.name("snapshot"))
}

func (p *Product) writeSnapshot(ctx context.Context, id string) error {
	if err := p.create(ctx, "snapshot", id, object{{"id", id}, {"created_at", p.created()}, {"status", "creating"}, {"error", ""}}); err != nil {
		return err
	}
	p.snapshots = append(p.snapshots, id)
	return p.update(ctx, "snapshot", id, pick(p.rng, []object{
		{{"status", "created"}, {"error", ""}}, {{"status", "failed"}, {"error", pick(p.rng, texts)}}, {{"status", "uploaded"}, {"error", nil}},
	}))
}

// addStaleSnapshot writes one whose worker was killed.
func (p *Product) addStaleSnapshot(ctx context.Context) error {
	id := p.name("stale")
	return p.create(ctx, "snapshot", id, object{{"id", id}, {"created_at", p.created()}, {"status", "creating"}, {"error", nil}})
}

func (p *Product) deleteSnapshot(ctx context.Context) error {
	if len(p.snapshots) < 2 {
		return nil
	}
	id := pick(p.rng, p.snapshots)
	p.snapshots = slices.DeleteFunc(p.snapshots, func(s string) bool { return s == id })
	return p.remove(ctx, "snapshot", id)
}

// replaceSnapshot deletes one and makes it again under its id: the version goes on.
func (p *Product) replaceSnapshot(ctx context.Context) error {
	if len(p.snapshots) == 0 {
		return nil
	}
	id := pick(p.rng, p.snapshots)
	p.snapshots = slices.DeleteFunc(p.snapshots, func(s string) bool { return s == id })
	if err := p.remove(ctx, "snapshot", id); err != nil {
		return err
	}
	return p.writeSnapshot(ctx, id)
}

// changeNode is what scaling does to a node: a partial update.
func (p *Product) changeNode(ctx context.Context) error {
	d, ok := p.anyDeployment()
	if !ok || len(d.nodes) == 0 {
		return nil
	}
	err := p.update(ctx, "node", d.id+"_"+pick(p.rng, d.nodes), object{{"number_of_instances", 1 + p.rng.IntN(4)}, {"planned_number_of_instances", 1 + p.rng.IntN(4)}})
	if isStatus(err, http.StatusBadRequest) || isStatus(err, http.StatusNotFound) {
		return nil // it has a number of over 64 bits, or went along with another deployment's
	}
	return err
}

// changeInstance writes an instance anew, with the version that was read; and again with the old one, which is refused.
func (p *Product) changeInstance(ctx context.Context) error {
	d, ok := p.anyDeployment()
	if !ok || len(d.instances) == 0 {
		return nil
	}
	i := pick(p.rng, d.instances)
	doc := i.doc.with("state", pick(p.rng, states)).with("runtime_properties", p.runtime())
	version, err := p.replace(ctx, "node_instance", i.id, doc, i.version)
	switch {
	case isStatus(err, http.StatusConflict):
		return nil // it went along with another deployment's
	case err != nil:
		return err
	}
	if _, err := p.replace(ctx, "node_instance", i.id, doc, i.version); !isStatus(err, http.StatusConflict) {
		return fmt.Errorf("instance %s was written twice over version %d: %w", i.id, i.version, err)
	}
	i.doc, i.version = doc, version
	return nil
}

func (p *Product) anyDeployment() (*deployment, bool) {
	if len(p.deployments) == 0 {
		return nil, false
	}
	return pick(p.rng, p.deployments), true
}
