package documents

import (
	"context"
	"net/http"
)

// AddUnfinished writes executions that are under way for ever, one in each such state, and returns their ids.
func (p *Product) AddUnfinished(ctx context.Context) ([]string, error) {
	var ids []string
	for _, status := range []string{"pending", "started", "cancelling", "force_cancelling"} {
		id := p.uuid()
		ids = append(ids, id)
		err := p.create(ctx, "execution", id, object{
			{"id", id}, {"status", status}, {"deployment_id", nil}, {"workflow_id", "create_snapshot"}, {"blueprint_id", nil}, {"created_at", p.created()},
			{"error", nil}, {"parameters", object{}}, {"is_system_workflow", true},
		})
		if err != nil {
			return nil, err
		}
		p.addEntry(id, nil)
	}
	return ids, p.flush(ctx)
}

// AddUnknown writes an index and a type that no release has.
func (p *Product) AddUnknown(ctx context.Context) error {
	if _, err := p.es.Call(ctx, http.MethodPut, "/own_index/thing/1?refresh=true", []byte(`{"a": 1}`)); err != nil {
		return err
	}
	return p.create(ctx, "own_type", "1", object{{"a", 1}})
}

// Misfit is a document whose field is no value of the column that it goes to.
type Misfit struct{ Type, ID, Field string }

// AddMisfits writes documents that Elasticsearch takes and PostgreSQL does not, and returns them.
func (p *Product) AddMisfits(ctx context.Context) ([]Misfit, error) {
	at := p.created()
	there := p.deployments[0]
	execution := object{{"id", ""}, {"status", "terminated"}, {"deployment_id", nil}, {"workflow_id", "w"}, {"created_at", at}, {"error", nil}, {"parameters", object{}}, {"is_system_workflow", true}}
	node := object{
		{"id", "misfit"}, {"deployment_id", there.id}, {"type", "t"}, {"type_hierarchy", []any{"t"}}, {"host_id", nil}, {"number_of_instances", 1},
		{"planned_number_of_instances", 1}, {"deploy_number_of_instances", 1}, {"properties", object{}}, {"operations", object{}}, {"relationships", []any{}}, {"plugins", nil}, {"plugins_to_install", nil},
	}
	update := object{{"id", ""}, {"deployment_id", there.id}, {"state", "successful"}, {"execution_id", nil}, {"created_at", at}}
	step := object{{"id", "s"}, {"action", "add"}, {"entity_type", "node"}, {"entity_id", "nodes:vm"}}
	modification := object{{"id", ""}, {"deployment_id", there.id}, {"created_at", at}, {"status", "finished"}}
	plugin := object{{"id", ""}, {"package_name", "p"}, {"archive_name", "a"}, {"uploaded_at", at}, {"wheels", []any{}}}
	var out []Misfit
	for _, m := range []struct {
		kind, field string
		doc         object
	}{
		{"blueprint", "created_at", object{{"id", ""}, {"plan", object{}}, {"description", nil}, {"main_file_name", "b"}}},
		{"deployment", "created_at", object{{"id", ""}, {"blueprint_id", there.blueprint}, {"created_at", "yesterday"}, {"workflows", object{}}}},
		{"execution", "status", execution.with("status", "paused")},
		{"execution", "workflow_id", execution.with("workflow_id", nil)},
		{"execution", "created_at", execution.with("created_at", "2017-02-30 10:20:30")},
		{"node", "number_of_instances", node.with("number_of_instances", 3_000_000_000)},
		{"node", "deploy_number_of_instances", node.with("deploy_number_of_instances", nil)},
		{"node_instance", "state", object{{"id", ""}, {"node_id", there.nodes[0]}, {"deployment_id", there.id}, {"state", nil}, {"runtime_properties", nil}, {"relationships", []any{}}}},
		{"deployment_update", "steps.action", update.with("steps", []any{step, step.with("action", "replace")})},
		{"deployment_update", "steps.entity_id", update.with("steps", []any{step.with("entity_id", nil)})},
		{"deployment_update", "steps.entity_type", update.with("steps", []any{step.with("entity_type", "secret")})},
		{"deployment_modification", "status", modification.with("status", "paused")},
		{"plugin", "package_name", plugin.with("package_name", nil)},
		{"snapshot", "status", object{{"id", ""}, {"created_at", at}, {"status", "partial"}, {"error", nil}}},
	} {
		id := p.name("misfit")
		if m.kind == "node" {
			m.doc = m.doc.with("id", id)
			if err := p.create(ctx, m.kind, there.id+"_"+id, m.doc); err != nil {
				return nil, err
			}
			out = append(out, Misfit{m.kind, there.id + "_" + id, m.field})
			continue
		}
		if err := p.create(ctx, m.kind, id, m.doc.with("id", id)); err != nil {
			return nil, err
		}
		out = append(out, Misfit{m.kind, id, m.field})
	}
	if err := p.writeExecution(ctx, nil, false); err != nil {
		return nil, err
	}
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	for _, m := range []struct {
		field  string
		change func(object) object
	}{
		{"@timestamp", func(o object) object { return o.without("@timestamp") }},
		{"message.text", func(o object) object { return o.with("message", object{{"text", 42}}) }},
	} {
		p.addEntry(p.executions[len(p.executions)-1], nil)
		e := &p.pending[len(p.pending)-1]
		e.doc = m.change(e.doc)
		out = append(out, Misfit{e.kind, e.id, m.field})
	}
	err := p.bulk(ctx, p.pending)
	p.pending = nil // and they do not come again
	return out, err
}
