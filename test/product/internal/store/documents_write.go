package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"time"

	"onerpm/test/product/internal/elastic"
)

// InsertBlueprint adds a blueprint, or returns ErrConflict when there is one of that id.
func (d *Documents) InsertBlueprint(ctx context.Context, _ Viewer, id, mainFile, description string, plan json.RawMessage, _ Sharing) error {
	now := local(time.Now())
	doc := source{"id": id, "plan": plan, "description": nil, "main_file_name": mainFile, "created_at": now, "updated_at": now}
	if description != "" {
		doc["description"] = description
	}
	return d.create(ctx, "blueprint", id, doc)
}

// InsertExecution adds a pending execution, which the worker will take. It returns ErrNotFound without the deployment and
// ErrBusy when one is under way - which is not seen when the deployment's id has blanks, nor when both start at once.
func (d *Documents) InsertExecution(ctx context.Context, _ Viewer, s Start) error {
	doc := source{"id": s.ID, "status": "pending", "deployment_id": nil, "workflow_id": s.Workflow, "blueprint_id": nil, "created_at": local(time.Now()),
		"error": "", "parameters": s.Parameters, "is_system_workflow": s.Deployment == ""}
	if s.Deployment != "" {
		var deployment struct {
			Blueprint string `json:"blueprint_id"`
		}
		if err := d.read(ctx, "deployment", s.Deployment, &deployment); err != nil {
			return err
		}
		doc["deployment_id"], doc["blueprint_id"] = s.Deployment, deployment.Blueprint
		_, busy, err := d.es.Search(ctx, elastic.Storage+"/execution", search([]any{terms("deployment_id", []string{s.Deployment}),
			terms("status", []string{"pending", "started", "cancelling", "force_cancelling"})}, Page{}, ""))
		if err != nil {
			return err
		}
		if busy > 0 && !s.Force {
			return ErrBusy
		}
	}
	return d.create(ctx, "execution", s.ID, doc)
}

// CancelExecution asks the worker to stop an execution. One that has ended is ErrConflict.
func (d *Documents) CancelExecution(ctx context.Context, _ Viewer, id string, force bool) error {
	var e execution
	if err := d.read(ctx, "execution", id, &e); err != nil {
		return err
	}
	status := "cancelling"
	if force {
		status = "force_cancelling"
	}
	switch e.Status {
	case "pending", "started", "cancelling":
		return d.setStatus(ctx, id, status)
	}
	return ErrConflict
}

// Delete deletes one blueprint, plugin or snapshot.
func (d *Documents) Delete(ctx context.Context, resource, id string) error {
	return lacking(d.es.Delete(ctx, kinds[resource], id))
}

// AddPlugin adds a plugin's document; fields are those of its archive.
func (d *Documents) AddPlugin(ctx context.Context, id, archive string, fields map[string]json.RawMessage) error {
	doc := source{"id": id, "archive_name": archive, "uploaded_at": local(time.Now())}
	for _, name := range []string{"package_name", "package_version", "package_source", "supported_platform", "distribution", "distribution_version",
		"distribution_release", "supported_py_versions", "wheels", "excluded_wheels"} {
		doc[name] = fields[name]
	}
	return d.create(ctx, "plugin", id, doc)
}

// AddSnapshot adds a snapshot that the worker is still to make.
func (d *Documents) AddSnapshot(ctx context.Context, id string) error {
	return d.create(ctx, "snapshot", id, source{"id": id, "created_at": local(time.Now()), "status": "creating", "error": ""})
}

// FinishSnapshot records how the making of a snapshot ended: created or failed.
func (d *Documents) FinishSnapshot(ctx context.Context, id, status, message string) error {
	return d.update(ctx, "snapshot", id, source{"status": status, "error": message})
}

const providerContext = "CONTEXT"

// SetContext stores the provider's context, once: ErrConflict after that.
func (d *Documents) SetContext(ctx context.Context, name string, value json.RawMessage) error {
	return d.create(ctx, "provider_context", providerContext, source{"name": name, "context": value})
}

// Context returns the provider's context, or ErrNotFound.
func (d *Documents) Context(ctx context.Context) (Row, error) {
	doc, err := d.es.Get(ctx, "provider_context", providerContext)
	if err != nil {
		return nil, lacking(err)
	}
	return row(doc, []string{"name", "context"})
}

// ChangeInstance writes a node instance anew with some fields changed, if it still has that version. Otherwise it is ErrConflict.
func (d *Documents) ChangeInstance(ctx context.Context, id string, version int, changed map[string]any) error {
	doc, err := d.es.Get(ctx, "node_instance", id)
	if err != nil {
		return lacking(err)
	}
	fields, err := members(doc)
	if err != nil {
		return err
	}
	return d.replaceInstance(ctx, id, version, fields, changed)
}

func (d *Documents) replaceInstance(ctx context.Context, id string, version int, fields map[string]json.RawMessage, changed map[string]any) error {
	doc := source{}
	for name, value := range fields {
		doc[name] = value
	}
	maps.Copy(doc, changed)
	body, err := doc.json()
	if err != nil {
		return err
	}
	_, err = d.es.Replace(ctx, "node_instance", id, body, version)
	if elastic.IsStatus(err, http.StatusConflict) {
		return ErrConflict
	}
	return err
}

// decodeExact keeps numbers as they are written.
func decodeExact(data []byte, into any) error {
	if len(data) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return dec.Decode(into)
}

// ErrInUse is a blueprint that cannot be deleted because deployments were made of it.
var ErrInUse = errors.New("deployments of the blueprint exist")

// DeleteBlueprint deletes a blueprint that no deployment is made of, as far as a search finds them.
func (d *Documents) DeleteBlueprint(ctx context.Context, id string) error {
	_, used, err := d.es.Search(ctx, elastic.Storage+"/deployment", search([]any{terms("blueprint_id", []string{id})}, Page{}, ""))
	if err != nil {
		return err
	}
	if used > 0 {
		return ErrInUse
	}
	return d.Delete(ctx, "blueprints", id)
}
