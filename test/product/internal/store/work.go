package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Job is an execution that the worker has taken.
type Job struct {
	ID         string
	Workflow   string
	Parameters json.RawMessage
	Tenant     string // its name; "" before 4.0

	row        int // executions._storage_id
	deployment *int
	viewer     Viewer
	sharing    Sharing

	document execution // in Elasticsearch
}

// DeploymentID returns the deployment's id before 4.0; "" for a system workflow.
func (j *Job) DeploymentID() string { return j.document.Deployment }

// Requeue makes executions pending again that were taken and that the worker does not run. There is
// one worker on a host, so nobody else can have them.
func (db *DB) Requeue(ctx context.Context, running []string) (int64, error) {
	tag, err := db.pool.Exec(ctx, "UPDATE executions SET status = 'pending' WHERE status = 'started' AND NOT id = ANY($1)", running)
	return tag.RowsAffected(), err
}

// Again makes an execution pending again whose worker lost the database. One that has ended meanwhile, or that somebody wants
// cancelled, is left as it is.
func (db *DB) Again(ctx context.Context, j *Job) error {
	_, err := db.pool.Exec(ctx, "UPDATE executions SET status = 'pending' WHERE _storage_id = $1 AND status = 'started'", j.row)
	return err
}

// Take marks the oldest pending execution as started and returns it, or nil when there is none.
func (db *DB) Take(ctx context.Context) (*Job, error) {
	availability := "NULL"
	if db.release.Availability {
		availability = "resource_availability::text"
	}
	var j Job
	var parameters []byte
	var private bool
	var shown *string
	err := db.pool.QueryRow(ctx, `UPDATE executions SET status = 'started' WHERE _storage_id = (
			SELECT _storage_id FROM executions WHERE status = 'pending' ORDER BY _storage_id FOR UPDATE SKIP LOCKED LIMIT 1)
		RETURNING _storage_id, id, workflow_id, parameters, (SELECT name FROM tenants WHERE id = _tenant_id), _deployment_fk, _tenant_id, _creator_id,
			coalesce(private_resource, false), `+availability).
		Scan(&j.row, &j.ID, &j.Workflow, &parameters, &j.Tenant, &j.deployment, &j.viewer.TenantID, &j.viewer.UserID, &private, &shown)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	j.Parameters, j.sharing = parameters, Tenant
	switch {
	case shown != nil:
		j.sharing = Sharing(*shown)
	case private:
		j.sharing = Private
	}
	return &j, nil
}

// Finish records how an execution ended: terminated, failed or cancelled.
func (db *DB) Finish(ctx context.Context, j *Job, status, message string) error {
	_, err := db.pool.Exec(ctx, "UPDATE executions SET status = $2::text::execution_status, error = $3 WHERE _storage_id = $1", j.row, status, message)
	return err
}

// Cancelled tells whether somebody asked for the execution to stop.
func (db *DB) Cancelled(ctx context.Context, j *Job) (bool, error) {
	var c bool
	err := db.pool.QueryRow(ctx, "SELECT status IN ('cancelling', 'force_cancelling') FROM executions WHERE _storage_id = $1", j.row).Scan(&c)
	return c, err
}

// FinishOrphans ends executions that were cancelled before a worker took them.
func (db *DB) FinishOrphans(ctx context.Context, running []string) error {
	_, err := db.pool.Exec(ctx, `UPDATE executions SET status = 'cancelled'
		WHERE status IN ('cancelling', 'force_cancelling') AND NOT id = ANY($1)`, running)
	return err
}

// Event writes a row of events about an execution. node is the id of a node instance, or "".
func (db *DB) Event(ctx context.Context, j *Job, kind, node, message string) error {
	columns, values, args := db.owned(j.viewer, j.sharing)
	args["now"], args["message"], args["kind"], args["node"], args["execution"] = now(), message, kind, node, j.row
	_, err := db.pool.Exec(ctx, `INSERT INTO events (timestamp, reported_timestamp, message, event_type, node_id, _execution_fk, `+columns+`)
		VALUES (@now, @now, @message, @kind, nullif(@node, ''), @execution, `+values+`)`, args)
	return err
}

// Log writes a row of logs about an execution.
func (db *DB) Log(ctx context.Context, j *Job, level, node, message string) error {
	columns, values, args := db.owned(j.viewer, j.sharing)
	args["now"], args["message"], args["level"], args["node"], args["execution"] = now(), message, level, node, j.row
	args["logger"] = "ctx." + j.ID
	_, err := db.pool.Exec(ctx, `INSERT INTO logs (timestamp, reported_timestamp, message, logger, level, node_id, _execution_fk, `+columns+`)
		VALUES (@now, @now, @message, @logger, @level, nullif(@node, ''), @execution, `+values+`)`, args)
	return err
}

// NodeInstance is a node instance as far as workflows need it.
type NodeInstance struct {
	ID      string
	State   string
	Runtime map[string]any // runtime_properties

	row      int                        // node_instances._storage_id; in Elasticsearch the document's version
	document map[string]json.RawMessage // in Elasticsearch
}

// Instances returns the node instances of the execution's deployment.
func (db *DB) Instances(ctx context.Context, j *Job) ([]NodeInstance, error) {
	rows, err := db.pool.Query(ctx, `SELECT i._storage_id, i.id, i.state, i.runtime_properties FROM node_instances i
		JOIN nodes n ON n._storage_id = i._node_fk WHERE n._deployment_fk = $1 ORDER BY i._storage_id`, j.deployment)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (NodeInstance, error) {
		var n NodeInstance
		var runtime []byte
		if err := row.Scan(&n.row, &n.ID, &n.State, &runtime); err != nil {
			return n, err
		}
		if err := decodeExact(runtime, &n.Runtime); err != nil {
			return n, fmt.Errorf("runtime properties of %s: %w", n.ID, err)
		}
		return n, nil
	})
}

// SetRuntime replaces the runtime properties of a node instance.
func (db *DB) SetRuntime(ctx context.Context, n NodeInstance) error {
	b, err := json.Marshal(n.Runtime)
	if err != nil {
		return err
	}
	_, err = db.pool.Exec(ctx, "UPDATE node_instances SET runtime_properties = $2, version = coalesce(version, 0) + 1 WHERE _storage_id = $1", n.row, b)
	return err
}
