package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"onerpm/test/product/internal/elastic"
)

// most bounds what the worker looks at in one go.
const most = 10000

// execution is what is needed of an execution's document.
type execution struct {
	ID         string          `json:"id"`
	Deployment string          `json:"deployment_id"`
	Blueprint  string          `json:"blueprint_id"`
	Workflow   string          `json:"workflow_id"`
	Status     string          `json:"status"`
	Parameters json.RawMessage `json:"parameters"`
	CreatedAt  string          `json:"created_at"`

	version int // of the document
}

// inStatus returns the executions in one of the states, oldest first.
func (d *Documents) inStatus(ctx context.Context, states ...string) ([]execution, error) {
	found, _, err := d.es.Search(ctx, elastic.Storage+"/execution", search([]any{terms("status", states)}, Page{Size: most}, ""))
	if err != nil {
		return nil, err
	}
	all := make([]execution, len(found))
	for i, doc := range found {
		if err := json.Unmarshal(doc.Source, &all[i]); err != nil {
			return nil, fmt.Errorf("execution %s: %w", doc.ID, err)
		}
		all[i].version = doc.Version
	}
	slices.SortStableFunc(all, func(a, b execution) int { return strings.Compare(a.CreatedAt, b.CreatedAt) })
	return all, nil
}

func (d *Documents) setStatus(ctx context.Context, id, status string) error {
	return d.update(ctx, "execution", id, source{"status": status})
}

// Requeue makes executions pending again that were taken and that the worker does not run. What a killed worker wrote last,
// a search need not see yet.
func (d *Documents) Requeue(ctx context.Context, running []string) (int64, error) {
	if err := d.es.Refresh(ctx); err != nil {
		return 0, err
	}
	all, err := d.inStatus(ctx, "started")
	var n int64
	for _, e := range all {
		if slices.Contains(running, e.ID) {
			continue
		}
		if err := d.setStatus(ctx, e.ID, "pending"); err != nil {
			return n, err
		}
		n++
	}
	return n, err
}

// Again makes an execution pending again, unless it has ended or somebody wants it cancelled.
func (d *Documents) Again(ctx context.Context, j *Job) error {
	var e execution
	if err := d.read(ctx, "execution", j.ID, &e); err != nil || e.Status != "started" {
		return unlessGone(err)
	}
	return unlessGone(d.setStatus(ctx, j.ID, "pending"))
}

// unlessGone is for what nobody needs any more once the execution was deleted with its deployment.
func unlessGone(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Take marks the oldest pending execution as started and returns it, or nil when there is none.
func (d *Documents) Take(ctx context.Context) (*Job, error) {
	all, err := d.inStatus(ctx, "pending")
	if err != nil || len(all) == 0 {
		return nil, err
	}
	e := all[0]
	body, err := source{"status": "started", "error": ""}.json()
	if err != nil {
		return nil, err
	}
	switch err := d.es.UpdateIf(ctx, "execution", e.ID, body, e.version); {
	case elastic.IsStatus(err, http.StatusConflict), elastic.IsStatus(err, http.StatusNotFound):
		return nil, nil // somebody cancelled or deleted it just now
	case err != nil:
		return nil, err
	}
	return &Job{ID: e.ID, Workflow: e.Workflow, Parameters: e.Parameters, document: e}, nil
}

// Finish records how an execution ended: terminated, failed or cancelled.
func (d *Documents) Finish(ctx context.Context, j *Job, status, message string) error {
	return unlessGone(d.update(ctx, "execution", j.ID, source{"status": status, "error": message}))
}

// Cancelled tells whether somebody asked for the execution to stop. One that is gone, with its deployment, is to stop too.
func (d *Documents) Cancelled(ctx context.Context, j *Job) (bool, error) {
	var e execution
	err := d.read(ctx, "execution", j.ID, &e)
	gone := errors.Is(err, ErrNotFound)
	return gone || e.Status == "cancelling" || e.Status == "force_cancelling", unlessGone(err)
}

// FinishOrphans ends executions that were cancelled before a worker took them.
func (d *Documents) FinishOrphans(ctx context.Context, running []string) error {
	all, err := d.inStatus(ctx, "cancelling", "force_cancelling")
	for _, e := range all {
		if !slices.Contains(running, e.ID) {
			if err := d.setStatus(ctx, e.ID, "cancelled"); err != nil {
				return err
			}
		}
	}
	return err
}

// Event sends an event of an execution. node is the id of a node instance, or "".
func (d *Documents) Event(ctx context.Context, j *Job, kind, node, message string) error {
	more := source{"type": "cloudify_event", "event_type": kind}
	where := about(j, node)
	if kind == "workflow_failed" || kind == "task_failed" {
		where["task_error_causes"] = []any{source{"type": "NonRecoverableError", "message": message, "traceback": "Traceback (most recent call last):\n"}}
	}
	return d.send(ctx, more, where, message)
}

// Log sends a line of an execution's log.
func (d *Documents) Log(ctx context.Context, j *Job, level, node, message string) error {
	return d.send(ctx, source{"type": "cloudify_log", "logger": "ctx." + j.ID, "level": level}, about(j, node), message)
}

func about(j *Job, node string) source {
	c := source{"execution_id": j.ID, "workflow_id": j.Workflow}
	if j.document.Deployment != "" {
		c["deployment_id"], c["blueprint_id"] = j.document.Deployment, j.document.Blueprint
	}
	if node != "" {
		c["node_id"], c["operation"] = node, "cloudify.interfaces.cloudify_agent.start"
		c["node_name"] = node[:max(0, strings.LastIndexByte(node, '_'))]
	}
	return c
}

// send completes a message. Its time is the worker's own with an offset that is wrong except in UTC.
func (d *Documents) send(ctx context.Context, message, where source, text string) error {
	message["context"], message["message"], message["message_code"] = where, source{"text": text, "arguments": nil}, nil
	message["timestamp"] = time.Now().Local().Format("2006-01-02 15:04:05.000") + "+0000"
	body, err := message.json()
	if err != nil {
		return err
	}
	return d.sender.Send(ctx, body)
}

// Instances returns the node instances of the execution's deployment.
func (d *Documents) Instances(ctx context.Context, j *Job) ([]NodeInstance, error) {
	p := Page{Size: most, Sort: []string{"id"}}
	found, _, err := d.es.Search(ctx, elastic.Storage+"/node_instance", search([]any{terms("deployment_id", []string{j.document.Deployment})}, p, ""))
	if err != nil {
		return nil, err
	}
	all := make([]NodeInstance, len(found))
	for i, doc := range found {
		fields, err := members(doc)
		if err != nil {
			return nil, err
		}
		all[i].ID, all[i].row, all[i].document = doc.ID, doc.Version, fields
		if err := json.Unmarshal(fields["state"], &all[i].State); err != nil {
			return nil, fmt.Errorf("state of %s: %w", doc.ID, err)
		}
		if err := decodeExact(fields["runtime_properties"], &all[i].Runtime); err != nil {
			return nil, fmt.Errorf("runtime properties of %s: %w", doc.ID, err)
		}
	}
	return all, nil
}

// SetRuntime writes a node instance anew with other runtime properties. Another one's write in between is ErrConflict.
func (d *Documents) SetRuntime(ctx context.Context, n NodeInstance) error {
	return d.replaceInstance(ctx, n.ID, n.row, n.document, map[string]any{"runtime_properties": n.Runtime})
}
