package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// Sharing says who may see a new row.
type Sharing string

// The values of resource_availability. Before 4.2.0 only Private and Tenant exist, as private_resource.
const (
	Private Sharing = "private"
	Tenant  Sharing = "tenant"
	Global  Sharing = "global"
)

// ErrBusy is an execution that is refused because another one of its deployment is under way.
var ErrBusy = errors.New("another execution of the deployment is under way")

// owned returns the columns every new resource has, and their values.
func (db *DB) owned(v Viewer, s Sharing) (columns, values string, args pgx.NamedArgs) {
	args = pgx.NamedArgs{"tenant": v.TenantID, "user": v.UserID, "private": s == Private, "sharing": string(s)}
	if !db.release.Availability {
		return "_tenant_id, _creator_id, private_resource", "@tenant, @user, @private", args
	}
	return "_tenant_id, _creator_id, private_resource, resource_availability",
		"@tenant, @user, @private, @sharing::text::resource_availability", args
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// InsertBlueprint adds a blueprint, or returns ErrConflict when the tenant has one of that id.
func (db *DB) InsertBlueprint(ctx context.Context, v Viewer, id, mainFile, description string, plan json.RawMessage, s Sharing) error {
	columns, values, args := db.owned(v, s)
	args["id"], args["main"], args["description"], args["plan"], args["now"] = id, mainFile, description, []byte(plan), now()
	return pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		// ids are unique in a tenant only because the code looks first
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext($1))", "blueprint/"+id); err != nil {
			return err
		}
		var taken bool
		err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM blueprints WHERE id = $1 AND _tenant_id = $2)", id, v.TenantID).Scan(&taken)
		if err != nil {
			return err
		}
		if taken {
			return ErrConflict
		}
		_, err = tx.Exec(ctx, `INSERT INTO blueprints (id, created_at, updated_at, main_file_name, plan, description, `+columns+`)
			VALUES (@id, @now, @now, @main, @plan, @description, `+values+`)`, args)
		return err
	})
}

// Start is what a new execution is made of.
type Start struct {
	ID         string
	Deployment string // id; "" for a system workflow
	Workflow   string
	Parameters json.RawMessage
	Force      bool // also while another execution of the deployment is under way
}

// InsertExecution adds a pending execution, which the worker will take. It returns
// ErrNotFound without the deployment and ErrBusy when one is under way.
func (db *DB) InsertExecution(ctx context.Context, v Viewer, s Start) error {
	return pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		var deployment *int
		var private bool
		sharing := Tenant
		if s.Deployment != "" {
			shown := "NULL"
			if db.release.Availability {
				shown = "resource_availability::text"
			}
			var availability *string
			err := tx.QueryRow(ctx, `SELECT _storage_id, coalesce(private_resource, false), `+shown+`
				FROM deployments WHERE id = $1 AND _tenant_id = $2 FOR UPDATE`, s.Deployment, v.TenantID).Scan(&deployment, &private, &availability)
			if err != nil {
				return one(err)
			}
			switch {
			case availability != nil:
				sharing = Sharing(*availability)
			case private:
				sharing = Private
			}
			var busy bool
			err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM executions WHERE _deployment_fk = $1
				AND status IN ('pending', 'started', 'cancelling', 'force_cancelling'))`, deployment).Scan(&busy)
			if err != nil {
				return err
			}
			if busy && !s.Force {
				return ErrBusy
			}
		}
		columns, values, args := db.owned(v, sharing)
		args["id"], args["now"], args["parameters"] = s.ID, now(), []byte(s.Parameters)
		args["workflow"], args["deployment"], args["system"] = s.Workflow, deployment, s.Deployment == ""
		_, err := tx.Exec(ctx, `INSERT INTO executions (id, created_at, is_system_workflow, parameters, status, workflow_id, error, _deployment_fk, `+columns+`)
			VALUES (@id, @now, @system, @parameters, 'pending', @workflow, '', @deployment, `+values+`)`, args)
		return err
	})
}

// CancelExecution asks the worker to stop an execution. One that has ended is ErrConflict.
func (db *DB) CancelExecution(ctx context.Context, v Viewer, id string, force bool) error {
	status := "cancelling"
	if force {
		status = "force_cancelling"
	}
	tag, err := db.pool.Exec(ctx, `UPDATE executions SET status = $3::text::execution_status
		WHERE id = $1 AND _tenant_id = $2 AND status IN ('pending', 'started', 'cancelling')`, id, v.TenantID, status)
	if err == nil && tag.RowsAffected() == 0 {
		return ErrConflict
	}
	return err
}
