package documents

import (
	"context"
	"net/http"
)

// addLarge writes properties of megabytes and of 60 levels, and the largest numbers.
func (p *Product) addLarge(ctx context.Context) error {
	d := &deployment{id: p.name("large"), blueprint: p.blueprints[0]}
	if err := p.writeDeployment(ctx, d, 1, false); err != nil {
		return err
	}
	var every []any
	for _, n := range append(append([]raw{}, numbers...), largeNumbers...) {
		every = append(every, n)
	}
	for _, o := range append(append([]raw{}, objects...), texts...) {
		every = append(every, o)
	}
	huge := object{{"large", large(p.rng, p.options.Large)}, {"deep", deep(60)}, {"every", every}}
	i := d.instances[0]
	i.doc = i.doc.with("runtime_properties", huge).with("state", "started")
	var err error
	if i.version, err = p.replace(ctx, "node_instance", i.id, i.doc, i.version); err != nil {
		return err
	}
	node := object{
		{"id", "large"}, {"deployment_id", d.id}, {"blueprint_id", d.blueprint}, {"type", "t"}, {"type_hierarchy", []any{"t"}}, {"host_id", nil},
		{"number_of_instances", 1}, {"planned_number_of_instances", 1}, {"deploy_number_of_instances", 1}, {"min_number_of_instances", 0}, {"max_number_of_instances", -1},
		{"properties", huge}, {"operations", object{}}, {"relationships", []any{}}, {"plugins", nil}, {"plugins_to_install", nil},
	}
	return p.create(ctx, "node", d.id+"_large", node)
}

// collide writes node c of deployment a_b and node b_c of deployment a: they have one id, and the second is refused. Its instances stay.
func (p *Product) collide(ctx context.Context) error {
	first, second := &deployment{id: "a_b", blueprint: p.blueprints[0]}, &deployment{id: "a", blueprint: p.blueprints[0]}
	for _, d := range []*deployment{first, second} {
		if err := p.writeDeployment(ctx, d, 0, false); err != nil {
			return err
		}
	}
	if err := p.writeNode(ctx, first, "c", true, false); err != nil {
		return err
	}
	if err := p.writeNode(ctx, second, "b_c", true, false); !isStatus(err, http.StatusConflict) {
		return err
	}
	return p.writeInstance(ctx, second, "b_c", nil, false)
}

// breakReferences writes what names something that is not there.
func (p *Product) breakReferences(ctx context.Context) error {
	lost := &deployment{id: "without blueprint", blueprint: "a blueprint that is gone"}
	gone := &deployment{id: "a deployment that is gone", blueprint: p.blueprints[0]}
	there := p.deployments[0]
	if err := p.writeDeployment(ctx, lost, 2, false); err != nil {
		return err
	}
	if err := p.writeNode(ctx, gone, "orphan", true, false); err != nil {
		return err
	}
	if err := p.writeInstance(ctx, there, "no such node", nil, false); err != nil {
		return err
	}
	there.instances = there.instances[:len(there.instances)-1]
	if err := p.writeExecution(ctx, gone, false); err != nil {
		return err
	}
	if err := p.writeUpdate(ctx, gone.id, nil, 2); err != nil {
		return err
	}
	if err := p.writeUpdate(ctx, there.id, p.uuid(), 1); err != nil { // of an execution that is not there
		return err
	}
	return p.writeModification(ctx, gone.id)
}
