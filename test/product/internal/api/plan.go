package api

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"onerpm/test/product/internal/store"
)

// blueprint is the main file of an uploaded archive, as far as this product reads it.
type blueprint struct {
	Description *string        `yaml:"description"`
	Inputs      map[string]any `yaml:"inputs"`
	Outputs     map[string]any `yaml:"outputs"`
	Nodes       yaml.MapSlice  `yaml:"node_templates"`
}

type nodeTemplate struct {
	Type       string         `yaml:"type"`
	Properties map[string]any `yaml:"properties"`
	Instances  struct {
		Deploy int `yaml:"deploy"`
	} `yaml:"instances"`
	Relationships []struct {
		Type   string `yaml:"type"`
		Target string `yaml:"target"`
	} `yaml:"relationships"`
}

const (
	computeType = "cloudify.nodes.Compute"
	containedIn = "cloudify.relationships.contained_in"
)

// readPlan finds the main file in the archive's folder and returns its plan: nodes in the order of the file, the host
// of those that are contained in one, and every blueprint's workflows.
func readPlan(archive []byte, mainFile string) (store.Plan, error) {
	var plan store.Plan
	text, err := archived(archive, func(name string) bool {
		_, inFolder, _ := strings.Cut(name, "/")
		return inFolder == mainFile
	})
	if err != nil {
		return plan, fmt.Errorf("%s: %w", mainFile, err)
	}
	var b blueprint
	if err := yaml.Unmarshal(text, &b); err != nil {
		return plan, fmt.Errorf("%s: %w", mainFile, err)
	}
	plan = store.Plan{Description: b.Description, Workflows: workflowsOfAll(), Outputs: asJSON(b.Outputs), Groups: asJSON(nil), PolicyTypes: asJSON(nil),
		PolicyTriggers: asJSON(nil), ScalingGroups: asJSON(nil), Inputs: map[string]json.RawMessage{}}
	for name, value := range b.Inputs {
		if plan.Inputs[name], err = json.Marshal(value); err != nil {
			return plan, fmt.Errorf("input %s: %w", name, err)
		}
	}
	for _, item := range b.Nodes {
		id := fmt.Sprint(item.Key)
		var t nodeTemplate
		body, err := yaml.Marshal(item.Value)
		if err == nil {
			err = yaml.Unmarshal(body, &t)
		}
		if err != nil {
			return plan, fmt.Errorf("node %s: %w", id, err)
		}
		n, err := planNode(id, t, plan.Nodes)
		if err != nil {
			return plan, fmt.Errorf("node %s: %w", id, err)
		}
		plan.Nodes = append(plan.Nodes, n)
	}
	return plan, nil
}

// planNode makes a node; its relationships lead to nodes before it.
func planNode(id string, t nodeTemplate, before []store.PlanNode) (store.PlanNode, error) {
	n := store.PlanNode{ID: id, Type: t.Type, Hierarchy: []string{"cloudify.nodes.Root"}, Instances: max(t.Instances.Deploy, 1), Properties: asJSON(t.Properties),
		Operations: operations(t.Type), Plugins: json.RawMessage(`[]`), PluginsToInstall: json.RawMessage(`[]`), Relationships: []store.PlanRelation{}}
	if t.Type == "" {
		return n, errors.New("it has no type")
	}
	if t.Type != n.Hierarchy[0] {
		n.Hierarchy = append(n.Hierarchy, t.Type)
	}
	if t.Type == computeType {
		n.Host = &n.ID
		n.Plugins = json.RawMessage(`[{"name": "agent", "source": null, "executor": "central_deployment_agent", "install": false, "install_arguments": null}]`)
	}
	for _, r := range t.Relationships {
		i := slices.IndexFunc(before, func(other store.PlanNode) bool { return other.ID == r.Target })
		if i < 0 {
			return n, fmt.Errorf("there is no node %s before it", r.Target)
		}
		n.Relationships = append(n.Relationships, store.PlanRelation{Type: r.Type, Target: r.Target, Hierarchy: []string{"cloudify.relationships.depends_on", r.Type},
			Values: json.RawMessage(`{"connection_type": "all_to_all"}`), Sources: asJSON(nil), Targets: asJSON(nil)})
		if r.Type == containedIn {
			n.Host = before[i].Host
		}
	}
	return n, nil
}

func operations(nodeType string) json.RawMessage {
	name, plugin, executor := "cloudify.interfaces.lifecycle.start", "script", "host_agent"
	if nodeType == computeType {
		name, plugin, executor = "cloudify.interfaces.cloudify_agent.create", "agent", "central_deployment_agent"
	}
	return asJSON(map[string]any{name: map[string]any{"plugin": plugin, "operation": plugin + ".operations.run", "inputs": map[string]any{}, "executor": executor,
		"has_intrinsic_functions": false, "max_retries": nil, "retry_interval": nil}})
}

// workflowsOfAll are those of the types that every blueprint imports, and "sleep".
func workflowsOfAll() map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for _, name := range []string{"install", "uninstall", "heal", "scale", "update", "execute_operation"} {
		all[name] = asJSON(map[string]any{"operation": "cloudify.plugins.workflows." + name, "plugin": "default_workflows", "parameters": map[string]any{}})
	}
	all["sleep"] = asJSON(map[string]any{"operation": "demo.sleep", "plugin": "default_workflows", "parameters": map[string]any{
		"seconds": map[string]any{"default": 1}, "fail": map[string]any{"default": false}}})
	return all
}

// asJSON is for values that can always be written so; none is an empty object.
func asJSON(v map[string]any) json.RawMessage {
	if v == nil {
		return json.RawMessage(`{}`)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage(`{}`)
	}
	return b
}

// archived returns a file of a tar.gz.
func archived(archive []byte, wanted func(name string) bool) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("the archive is no tar.gz: %w", err)
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it is not in the archive")
		}
		if err != nil {
			return nil, fmt.Errorf("the archive is no tar.gz: %w", err)
		}
		if h.Typeflag == tar.TypeReg && wanted(path.Clean(h.Name)) {
			return io.ReadAll(io.LimitReader(t, maxUpload))
		}
	}
}
